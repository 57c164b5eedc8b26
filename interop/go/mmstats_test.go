// Tests of the library by itself; the conformance kit tests the rest.

package mmstats

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"testing"
)

const vectorsDirectory = "../../spec/vectors"

type vector struct {
	ID, File, Result, Error string
	Offset                  uint64
	Document                any
}

func vectors(t *testing.T) map[string]vector {
	t.Helper()
	all := map[string]vector{}
	for _, version := range []string{"v1", "v2"} {
		b, err := os.ReadFile(filepath.Join(vectorsDirectory, version, "manifest.json"))
		if err != nil {
			t.Skip(err)
		}
		var manifest struct{ Vectors []vector }
		if err := json.Unmarshal(b, &manifest); err != nil {
			t.Fatal(err)
		}
		for _, v := range manifest.Vectors {
			all[filepath.Join(vectorsDirectory, version, v.File)] = v
		}
	}
	if len(all) == 0 {
		t.Fatal("there are no vectors")
	}
	return all
}

func TestVectors(t *testing.T) {
	for path, v := range vectors(t) {
		document, err := ReadFile(path)
		if v.Result == "invalid" {
			if want := malformed(v.Error, v.Offset); !reflect.DeepEqual(err, want) {
				t.Errorf("%s: %v, not %v", v.ID, err, want)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", v.ID, err)
			continue
		}
		b, err := json.Marshal(document)
		if err != nil {
			t.Fatal(err)
		}
		var got any
		if err := json.Unmarshal(b, &got); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, v.Document) {
			t.Errorf("%s: another document", v.ID)
		}
	}
}

// No prefix of a file, and none with a byte changed, does more than fail.
func TestDamagedVectors(t *testing.T) {
	for path := range vectors(t) {
		data, err := os.ReadFile(path)
		if err != nil || len(data) > 1024 {
			continue
		}
		for i := range data {
			Parse(data[:i:i])
			data[i] ^= 0xFF
			Parse(data)
			data[i] ^= 0xFF
		}
	}
}

func TestWriterGrows(t *testing.T) {
	path := filepath.Join(t.TempDir(), "it.mmstats")
	w, err := Create(path, Options{App: "shop", Families: []Declaration{
		{Family: Family{Name: "hits", Kind: KindCounter, Type: TypeUnsigned, Combination: CombineSum, Labels: []string{"n"}}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	poller := NewPoller(path)
	defer poller.Close()
	for n := 0; n < 3000; n++ {
		c, err := w.Counter("hits", string(rune('a'+n%26))+string(rune(0x100+n/26)))
		if err != nil {
			t.Fatal(err)
		}
		c.Add(uint64(n))
		if n%500 != 0 {
			continue
		}
		d, err := poller.Poll()
		if err != nil {
			t.Fatal(err)
		}
		if s := d.Families[0].Series; len(s) != n+1 || s[n].Value != Unsigned(n) {
			t.Fatalf("%d series after %d", len(s), n+1)
		}
	}
	w.Close()
	d, err := ReadFile(path)
	if err != nil || !d.Closed {
		t.Fatal(err, d)
	}
}

func TestSums(t *testing.T) {
	tenths := make([]float64, 10)
	for i := range tenths {
		tenths[i] = 0.1
	}
	if sum := exactSum(tenths); sum != 1 {
		t.Error(sum)
	}
	if sum := exactSum([]float64{1e308, 1e308, -1e308}); sum != 1e308 {
		t.Error(sum)
	}
	if sum := exactSum([]float64{math.Inf(1), 1, math.Inf(-1)}); sum == sum {
		t.Error(sum)
	}
	if sum := addUp(1, 1e-20); sum != math.Nextafter(1, 2) {
		t.Error(sum)
	}
	if sum := addUp(1, -1e-20); sum != 1 {
		t.Error(sum)
	}
}
