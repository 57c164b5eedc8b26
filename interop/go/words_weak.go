//go:build !amd64

// Buffers on machines that may reorder stores. Go has no fence of its own, but
// atomic stores that stay in order with each other: a word of the buffer is not
// seen before the sequence number of the update before it (W2.2), nor after
// that of its own (W2.4).

package mmstats

import "sync/atomic"

func storeWords(to, from []uint64) {
	for i, w := range from {
		atomic.StoreUint64(&to[i], w)
	}
}
