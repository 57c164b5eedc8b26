// Words in shared memory (FORMAT.md 3.2, V2-W1, V2-W2). What a reader may look
// at is stored by sync/atomic: aligned, at once, and in order with each other.
// There is no read-modify-write: a file has one writer, which knows what it
// stored.

package mmstats

import (
	"sync/atomic"
	"unsafe"
)

// words is memory as words. The memory begins at a multiple of 8.
func words(b []byte) []uint64 {
	if len(b) == 0 {
		return nil
	}
	return unsafe.Slice((*uint64)(unsafe.Pointer(&b[0])), len(b)/wordSize)
}

func controlWord(number uint32) uint64 { return uint64(number) | uint64(^number)<<32 }

// latch is two buffers, of which the sequence word tells the published one.
type latch struct {
	sequence *uint64
	number   uint64 // what the sequence word is
	buffers  [2][]uint64
	content  []uint64 // the writer's own copy (W2.1)
}

func newLatch(slot []uint64, content []uint64) latch {
	n := len(content)
	return latch{&slot[0], slot[0], [2][]uint64{slot[1 : 1+n], slot[1+n : 1+2*n]}, content}
}

// publish stores the content. The atomic stores of both sequence numbers are
// the fences W2.2 and W2.4, together with storeWords, which sees to it that the
// buffer's stores stay between them on every machine.
func (l *latch) publish() {
	storeWords(l.buffers[(l.number+1)&1], l.content) // W2.3
	l.number++
	atomic.StoreUint64(l.sequence, l.number) // W2.5
}

// detach leaves the latch in memory of its own: nothing more is published.
func (l *latch) detach() {
	n := len(l.content)
	own := newLatch(make([]uint64, 1+2*n), l.content)
	*l = own
}
