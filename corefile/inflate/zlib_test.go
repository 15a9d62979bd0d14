package inflate

import (
	"bytes"
	"compress/zlib"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
)

// pack compresses with the standard library.
func pack(t testing.TB, data []byte, level int) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := zlib.NewWriterLevel(&b, level)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// contents are data of many shapes: short and long, with matches near and far,
// with codes of all lengths.
func contents() map[string][]byte {
	r := rand.New(rand.NewPCG(1, 2))
	noise := make([]byte, 70_000)
	for i := range noise {
		noise[i] = byte(r.Uint32())
	}
	skewed := make([]byte, 300_000) // few symbols are frequent: long codes
	for i := range skewed {
		skewed[i] = byte(r.ExpFloat64() * 9)
	}
	var mixed []byte
	for len(mixed) < 400_000 {
		if n := len(mixed); n > 0 && r.IntN(3) > 0 {
			from := n - 1 - r.IntN(min(n, 32768))
			length := 3 + r.IntN(400)
			for i := range length { // overlapping ones too
				mixed = append(mixed, mixed[from+i])
			}
			continue
		}
		mixed = append(mixed, noise[:r.IntN(60)]...)
		mixed = append(mixed, skewed[r.IntN(1000):][:r.IntN(90)]...)
	}
	return map[string][]byte{
		"empty": {}, "one byte": {7}, "zeros": make([]byte, 1<<20),
		"text":  []byte(strings.Repeat("the quick brown fox ", 5000)),
		"noise": noise, "skewed": skewed, "mixed": mixed,
		"period 7": bytes.Repeat([]byte("abcdefg"), 10_000),
	}
}

func TestZlib(t *testing.T) {
	for name, data := range contents() {
		for _, level := range []int{zlib.HuffmanOnly, zlib.NoCompression, zlib.BestSpeed, zlib.DefaultCompression, zlib.BestCompression} {
			t.Run(fmt.Sprintf("%s, level %d", name, level), func(t *testing.T) {
				packed := pack(t, data, level)
				got := make([]byte, len(data))
				err := Zlib(got, append(packed, "what follows"...), func(n int) {
					if !bytes.Equal(got[:n], data[:n]) {
						t.Errorf("%d bytes are not there yet", n)
					}
				})
				if err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(got, data) {
					t.Error("contents differ")
				}
				if err := Zlib(make([]byte, len(data)+1), packed, nil); !errors.Is(err, ErrCorrupt) {
					t.Errorf("into a slice that is too long: %v", err)
				}
				if len(data) > 0 {
					if err := Zlib(make([]byte, len(data)-1), packed, nil); !errors.Is(err, ErrCorrupt) {
						t.Errorf("into a slice that is too short: %v", err)
					}
				}
			})
		}
	}
}

// TestDamage cuts streams short and changes bytes: nothing gets through
// unnoticed.
func TestDamage(t *testing.T) {
	data := contents()["mixed"][:4000]
	got := make([]byte, len(data))
	for _, level := range []int{zlib.HuffmanOnly, zlib.NoCompression, zlib.DefaultCompression} {
		packed := pack(t, data, level)
		for n := range packed {
			if err := Zlib(got, packed[:n], nil); !errors.Is(err, ErrCorrupt) {
				t.Fatalf("level %d, %d of %d bytes: %v", level, n, len(packed), err)
			}
		}
		for i := range packed {
			damaged := bytes.Clone(packed)
			damaged[i] ^= 1 << (i % 8)
			err := Zlib(got, damaged, nil)
			if want := reference(damaged, len(data)); (err == nil) != (want == nil) {
				t.Fatalf("level %d, byte %d changed: %v, the standard library says %v", level, i, err, want)
			}
		}
	}
}

// reference unpacks with the standard library; nil when there are size bytes.
func reference(packed []byte, size int) error {
	r, err := zlib.NewReader(bytes.NewReader(packed))
	if err != nil {
		return err
	}
	n, err := io.Copy(io.Discard, io.LimitReader(r, int64(size)+1))
	if err == nil && n != int64(size) {
		return ErrCorrupt
	}
	return err
}

func FuzzZlib(f *testing.F) {
	for _, data := range contents() {
		data = data[:min(len(data), 3000)]
		f.Add(pack(f, data, zlib.DefaultCompression), len(data))
		f.Add(pack(f, data, zlib.HuffmanOnly), len(data))
	}
	f.Fuzz(func(t *testing.T, packed []byte, size int) {
		if size < 0 || size > 1<<16 {
			return
		}
		got := make([]byte, size)
		err := Zlib(got, packed, nil)
		want := reference(packed, size)
		if (err == nil) != (want == nil) {
			t.Fatalf("%v, the standard library says %v", err, want)
		}
		if err != nil {
			return
		}
		r, _ := zlib.NewReader(bytes.NewReader(packed))
		if all, _ := io.ReadAll(io.LimitReader(r, int64(size)+1)); !bytes.Equal(all, got) {
			t.Fatal("contents differ from the standard library's")
		}
	})
}

func BenchmarkZlib(b *testing.B) {
	data := contents()["mixed"]
	packed := pack(b, data, zlib.DefaultCompression)
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		if err := Zlib(data, packed, nil); err != nil {
			b.Fatal(err)
		}
	}
}
