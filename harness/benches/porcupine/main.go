// Times Porcupine on recorded histories, for comparison with our own checker.
//
//	porcupine-times [-timeout 60s] [-memory 2048] [-orders 5] FILE..
//
// Files that end in .log are logs of a register, those that end in .txt are texts of a key-value
// store; the formats are those of harness::history::recorded. For each file it prints
// file,operations,verdict,nanoseconds. What is timed begins with the events in memory and holds
// all that CheckEventsTimeout does with them: partitioning, numbering, and the search. The best of
// several rounds counts, and the best of several orders of the calls that never returned: they
// have to return at the end, in an order that means nothing and can cost a factor of a thousand.
package main

import (
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"github.com/anishathalye/porcupine"
)

func main() {
	timeout := flag.Duration("timeout", time.Minute, "give up on a file after this time")
	memory := flag.Uint64("memory", 2048, "give up on a file at so many MB of heap")
	orders := flag.Int("orders", 5, "try so many orders of the calls that never returned")
	flag.Parse()
	for _, path := range flag.Args() {
		if err := judge(path, limits{*timeout, *memory << 20, *orders}); err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", path, err)
			os.Exit(1)
		}
	}
}

// limits are what a file may cost.
type limits struct {
	timeout time.Duration
	memory  uint64
	orders  int
}

// judge times one file and prints its line.
func judge(path string, limit limits) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	read, model := readRegister, register
	if strings.HasSuffix(path, ".txt") {
		read, model = readStore, store
	}
	calls, err := read(string(text))
	if err != nil {
		return err
	}
	name, operations := filepath.Base(path), len(calls.events)/2

	done := make(chan struct{})
	go watch(limit.memory, done, func() {
		fmt.Printf("%s,%d,memory,0\n", name, operations)
		os.Exit(0)
	})
	verdict, best, fastest := "unknown", time.Duration(math.MaxInt64), 0
	for order := range limit.orders {
		found, took := round(model, calls.inOrder(order), limit.timeout)
		if took < best {
			verdict, best, fastest = found, took, order
		}
		if took > 5*time.Second {
			break
		}
	}
	// As many rounds as fit into a fifth of a second, as on our side.
	events := calls.inOrder(fastest)
	rounds := min(max(int(200*time.Millisecond/max(best, 1)), 5), 20000)
	for range rounds {
		if best > 5*time.Second {
			break
		}
		_, took := round(model, events, limit.timeout)
		best = min(best, took)
	}
	close(done)
	fmt.Printf("%s,%d,%s,%d\n", name, operations, verdict, best.Nanoseconds())
	return nil
}

func round(model porcupine.Model, events []porcupine.Event, timeout time.Duration) (string, time.Duration) {
	begun := time.Now()
	result := porcupine.CheckEventsTimeout(model, events, timeout)
	took := time.Since(begun)
	switch result {
	case porcupine.Ok:
		return "ok", took
	case porcupine.Illegal:
		return "illegal", took
	default:
		return "unknown", took
	}
}

// watch gives up when the heap is too large: the cache of a long history takes all there is.
func watch(memory uint64, done <-chan struct{}, giveUp func()) {
	debug.SetMemoryLimit(int64(memory))
	for {
		select {
		case <-done:
			return
		case <-time.After(50 * time.Millisecond):
			var now runtime.MemStats
			runtime.ReadMemStats(&now)
			if now.HeapAlloc > memory {
				giveUp()
			}
		}
	}
}
