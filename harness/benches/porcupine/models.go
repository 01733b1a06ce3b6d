package main

import (
	"hash/maphash"

	"github.com/anishathalye/porcupine"
)

// What is asked of a register and what it answers, in one value each, as Porcupine likes it.
type registerInput struct {
	kind     byte // 'r', 'w' or 'c'
	value    int  // to write, or expected
	newValue int
}

type registerOutput struct {
	value   int
	nothing bool
	matched bool
	unknown bool
}

// The state of a register that holds nothing.
const nothing = -1 << 62

var seed = maphash.MakeSeed()

// register is a register of one number: read, write, compare and set. Nothing is known about the
// answers of calls that timed out, and they may take effect at the end of the history.
var register = porcupine.Model{
	Init: func() any { return nothing },
	Hash: func(state any) uint64 { return uint64(state.(int)) },
	Step: func(state, input, output any) (bool, any) {
		now, asked, told := state.(int), input.(registerInput), output.(registerOutput)
		switch asked.kind {
		case 'r':
			fits := told.unknown || (told.nothing && now == nothing) || (!told.nothing && told.value == now)
			return fits, now
		case 'w':
			return true, asked.value
		default:
			matches := now == asked.value
			next := now
			if matches {
				next = asked.newValue
			}
			return told.unknown || told.matched == matches, next
		}
	},
}

type storeInput struct {
	kind  byte // 'g', 'p' or 'a'
	key   string
	value string
}

type storeOutput struct {
	value   string
	unknown bool
}

// store is a store of texts: get, put, append; each key is a part of its own.
var store = porcupine.Model{
	PartitionEvent: func(history []porcupine.Event) [][]porcupine.Event {
		parts := make(map[string][]porcupine.Event)
		keys := make(map[int]string)
		for _, event := range history {
			if event.Kind == porcupine.CallEvent {
				keys[event.Id] = event.Value.(storeInput).key
			}
			key := keys[event.Id]
			parts[key] = append(parts[key], event)
		}
		all := make([][]porcupine.Event, 0, len(parts))
		for _, part := range parts {
			all = append(all, part)
		}
		return all
	},
	Init: func() any { return "" },
	// Without it, Porcupine compares with every text that it has seen: twenty times as long.
	Hash: func(state any) uint64 { return maphash.String(seed, state.(string)) },
	Step: func(state, input, output any) (bool, any) {
		now, asked, told := state.(string), input.(storeInput), output.(storeOutput)
		switch asked.kind {
		case 'g':
			return told.unknown || told.value == now, now
		case 'p':
			return true, asked.value
		default:
			return true, now + asked.value
		}
	},
}
