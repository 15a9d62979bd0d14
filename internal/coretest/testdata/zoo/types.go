package main

import (
	"context"
	"io"
	"net/netip"
	"os"
	"reflect"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"
)

type (
	MyBool   bool
	MyInt    int
	MyString string
	MyBytes  []byte
	MyFunc   func(int, ...string) (error, bool)
	MyMap    map[MyString]*Node
	MyIface  interface{ Do(int) error }
	MyEmpty  interface{}
	MyUnsafe unsafe.Pointer
	MyArray  [4][2]MyInt

	SelfChan  chan SelfChan
	SelfSlice []SelfSlice
	SelfPtr   *SelfPtr
	SelfMap   map[string]SelfMap
	SelfFunc  func(SelfFunc) SelfFunc

	Node struct {
		Left, Right *Node
		Value       any
	}
	Base  struct{ ID int64 }
	Outer struct {
		Base
		*Node
		io.Reader
		name  string
		Small uint8
		Big   uint64
		_     int16
		Tail  struct {
			a int
			B string `json:"b;}" yaml:"%2e"`
		}
	}
	Tagged struct {
		Base   `json:",inline"`
		*Outer `yaml:"outer"`
		plain  string
		Secret string `json:"-" log:"-"`
		Odd    int    `no convention "at all"`
		Long   []byte `long:"0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"`
	}
	Padded struct {
		A bool
		B int64
		C bool
		D int32
		E [3]bool
		F complex64
	}
	Pair[K comparable, V any] struct {
		Key  K
		Val  V
		Next *Pair[K, V]
	}
)

func typeOf[T any]() reflect.Type { return reflect.TypeFor[T]() }

// declared are types that the compiler describes.
func declared() []reflect.Type {
	type local struct {
		x int
		y *Outer
	}
	return []reflect.Type{
		typeOf[bool](), typeOf[int](), typeOf[int8](), typeOf[int16](), typeOf[int32](), typeOf[int64](),
		typeOf[uint](), typeOf[uint8](), typeOf[uint16](), typeOf[uint32](), typeOf[uint64](), typeOf[uintptr](),
		typeOf[float32](), typeOf[float64](), typeOf[complex64](), typeOf[complex128](), typeOf[string](),
		typeOf[unsafe.Pointer](), typeOf[error](), typeOf[any](),
		typeOf[MyBool](), typeOf[MyInt](), typeOf[MyString](), typeOf[MyBytes](), typeOf[MyFunc](), typeOf[MyMap](),
		typeOf[MyIface](), typeOf[MyEmpty](), typeOf[MyUnsafe](), typeOf[MyArray](),
		typeOf[SelfChan](), typeOf[SelfSlice](), typeOf[SelfPtr](), typeOf[SelfMap](), typeOf[SelfFunc](),
		typeOf[Node](), typeOf[Base](), typeOf[Outer](), typeOf[Tagged](), typeOf[Padded](), typeOf[local](),
		typeOf[Pair[string, int]](), typeOf[Pair[MyInt, []Pair[string, *Node]]](), typeOf[*Pair[string, int]](),
		typeOf[[]int](), typeOf[[0]int](), typeOf[[3]string](), typeOf[[1 << 20]struct{}](), typeOf[struct{}](),
		typeOf[map[string]int](), typeOf[map[[3]int]struct{}](), typeOf[map[any][]map[string]*Node](),
		typeOf[map[int][200]byte](), typeOf[chan int](), typeOf[<-chan string](), typeOf[chan<- *Node](),
		typeOf[chan func()](), typeOf[func()](), typeOf[func(int, string) error](), typeOf[func(...any)](),
		typeOf[struct {
			a int
			B string `x:"y"`
		}](),
		typeOf[interface{ M() }](), typeOf[*int](), typeOf[***Node](), typeOf[*[]string](),
		typeOf[time.Time](), typeOf[time.Duration](), typeOf[sync.Mutex](), typeOf[sync.WaitGroup](),
		typeOf[sync.Once](), typeOf[atomic.Int64](), typeOf[atomic.Pointer[Node]](), typeOf[os.File](),
		typeOf[context.Context](), typeOf[netip.Addr](), typeOf[reflect.Value](),
	}
}

// made are types that only reflect knows.
func made() []reflect.Type {
	node, outer := typeOf[Node](), typeOf[Outer]()
	return []reflect.Type{
		reflect.SliceOf(reflect.SliceOf(reflect.SliceOf(outer))),
		reflect.PointerTo(reflect.PointerTo(reflect.PointerTo(outer))),
		reflect.ArrayOf(7, outer),
		reflect.ArrayOf(0, reflect.ArrayOf(3, outer)),
		reflect.ChanOf(reflect.BothDir, reflect.ArrayOf(5, node)),
		reflect.MapOf(typeOf[string](), reflect.SliceOf(outer)),
		reflect.MapOf(reflect.ArrayOf(3, typeOf[uint16]()), node),
		reflect.StructOf(nil),
		reflect.StructOf([]reflect.StructField{
			{Name: "X", Type: node},
			{Name: "Y", Type: reflect.MapOf(typeOf[MyString](), outer)},
			{Name: "Z", Type: typeOf[error]()},
			{Name: "W", Type: typeOf[any]()},
			{Name: "V", Type: typeOf[struct{}]()},
		}),
		reflect.StructOf([]reflect.StructField{
			{Name: "Base", Type: typeOf[Base](), Anonymous: true},
			{Name: "B", Type: typeOf[bool]()},
			{Name: "C", Type: typeOf[complex128]()},
		}),
	}
}
