package main

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/anishathalye/porcupine"
)

// history is events, of which the last ones are the returns of calls that never returned.
type history struct {
	events  []porcupine.Event
	crashed int
}

// inOrder has the returns at the end in another order: as they were called for order 0, the other
// way round for order 1, and shuffled for all others. It is the same history, but the time that a
// search takes may differ by a factor of a thousand.
func (h history) inOrder(order int) []porcupine.Event {
	events := slices.Clone(h.events)
	last := events[len(events)-h.crashed:]
	switch order {
	case 0:
	case 1:
		slices.Reverse(last)
	default:
		dice := rand.New(rand.NewPCG(uint64(order), 0))
		dice.Shuffle(len(last), func(i, j int) { last[i], last[j] = last[j], last[i] })
	}
	return events
}

// pairing gives both halves of a call the same number.
type pairing struct {
	events  []porcupine.Event
	open    map[int]int // process to number
	crashed []int
	calls   int
}

func newPairing() *pairing {
	return &pairing{open: make(map[int]int)}
}

func (p *pairing) call(process int, input any) error {
	if _, open := p.open[process]; open {
		return fmt.Errorf("process %d calls again", process)
	}
	p.open[process] = p.calls
	p.events = append(p.events, porcupine.Event{ClientId: process, Kind: porcupine.CallEvent, Value: input, Id: p.calls})
	p.calls++
	return nil
}

func (p *pairing) returns(process int, output any) error {
	number, open := p.open[process]
	if !open {
		return fmt.Errorf("process %d completes a call that it did not make", process)
	}
	delete(p.open, process)
	p.events = append(p.events, porcupine.Event{ClientId: process, Kind: porcupine.ReturnEvent, Value: output, Id: number})
	return nil
}

// fails drops a call that had no effect.
func (p *pairing) fails(process int) {
	number := p.open[process]
	delete(p.open, process)
	for at := len(p.events) - 1; at >= 0; at-- {
		if p.events[at].Id == number {
			p.events = append(p.events[:at], p.events[at+1:]...)
			return
		}
	}
}

// crashes leaves a call open until the end; its process goes on with another one.
func (p *pairing) crashes(process int) {
	p.crashed = append(p.crashed, p.open[process])
	delete(p.open, process)
}

// finish lets all calls that are open return at the end, in the order in which they were called,
// with an unknown answer, and numbers calls without holes.
func (p *pairing) finish(unknown any) history {
	for _, number := range p.open {
		p.crashed = append(p.crashed, number)
	}
	slices.Sort(p.crashed)
	for _, number := range p.crashed {
		p.events = append(p.events, porcupine.Event{Kind: porcupine.ReturnEvent, Value: unknown, Id: number})
	}
	numbers := make(map[int]int)
	for at := range p.events {
		event := &p.events[at]
		if _, known := numbers[event.Id]; !known {
			numbers[event.Id] = len(numbers)
		}
		event.Id = numbers[event.Id]
	}
	return history{p.events, len(p.crashed)}
}

var registerLine = regexp.MustCompile(` - (\d+)\s+:(invoke|ok|fail|info)\s+:(read|write|cas)\s+(.*)$`)

func readRegister(text string) (history, error) {
	p := newPairing()
	for number, line := range strings.Split(text, "\n") {
		fields := registerLine.FindStringSubmatch(strings.TrimSpace(line))
		if fields == nil {
			continue
		}
		if err := registerEvent(p, fields); err != nil {
			return history{}, fmt.Errorf("line %d: %w", number+1, err)
		}
	}
	return p.finish(registerOutput{unknown: true}), nil
}

func registerEvent(p *pairing, fields []string) error {
	process, err := strconv.Atoi(fields[1])
	if err != nil {
		return err
	}
	kind, function, value := fields[2], fields[3], strings.TrimSpace(fields[4])
	var one, other int
	if kind == "invoke" || kind == "ok" {
		switch {
		case function == "cas":
			_, err = fmt.Sscanf(value, "[%d %d]", &one, &other)
		case value != "nil":
			one, err = strconv.Atoi(value)
		}
		if err != nil {
			return err
		}
	}
	switch {
	case kind == "invoke":
		return p.call(process, registerInput{function[0], one, other})
	case kind == "ok":
		return p.returns(process, registerOutput{value: one, nothing: value == "nil", matched: true})
	case kind == "fail" && function == "cas" && value != ":timed-out":
		return p.returns(process, registerOutput{})
	case kind == "fail":
		p.fails(process)
	default:
		p.crashes(process)
	}
	return nil
}

var storeLine = regexp.MustCompile(`^\{:process (\d+), :type :(invoke|ok|fail|info), :f :(get|put|append), :key (".*?"), :value (nil|".*")\}$`)

func readStore(text string) (history, error) {
	p := newPairing()
	for number, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		if err := storeEvent(p, line); err != nil {
			return history{}, fmt.Errorf("line %d: %w", number+1, err)
		}
	}
	return p.finish(storeOutput{unknown: true}), nil
}

func storeEvent(p *pairing, line string) error {
	fields := storeLine.FindStringSubmatch(line)
	if fields == nil {
		return fmt.Errorf("not an operation")
	}
	process, err := strconv.Atoi(fields[1])
	if err != nil {
		return err
	}
	key, err := strconv.Unquote(fields[4])
	if err != nil {
		return err
	}
	value := ""
	if fields[5] != "nil" {
		if value, err = strconv.Unquote(fields[5]); err != nil {
			return err
		}
	}
	switch fields[2] {
	case "invoke":
		return p.call(process, storeInput{fields[3][0], key, value})
	case "ok":
		return p.returns(process, storeOutput{value: value})
	case "fail":
		p.fails(process)
	default:
		p.crashes(process)
	}
	return nil
}
