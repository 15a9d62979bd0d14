package redact

import (
	"fmt"
	"strings"
	"testing"
)

// BenchmarkLastScan is the speed over output without a secret, of goroutines as
// JSON.
func BenchmarkLastScan(b *testing.B) {
	var text strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&text, `{"name":"job%d","role":"arg","value":{"state":"ok","kind":"pointer","type":"*main.job","addr":"0xc%09x","target":"0xc%09x","note":"not live here"}},`, i, i*5081, i*4099)
	}
	out := []byte(text.String())
	for _, n := range []int{1, 1000} {
		var secrets []string
		for i := range n {
			secrets = append(secrets, fmt.Sprintf("Zq%dx-Lw2/yXv9kTr4%d", i*7919, i))
		}
		scan := scanFor(b, secrets...)
		b.Run(fmt.Sprint(n, " secrets"), func(b *testing.B) {
			b.SetBytes(int64(len(out)))
			for b.Loop() {
				if found, _ := scan.Find(out); found {
					b.Fatal("found something")
				}
			}
		})
	}
}
