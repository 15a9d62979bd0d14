// Crashers dies of the bug whose number it is given:
//
//	crashers NUMBER [SEED]
//
// It is the labelled set of package fingerprint: what dies of one number is one
// bug, with every Go version, every way to build it and every seed, and what dies of
// two numbers is two. The seed changes what differs between occurrences of a
// bug: values, messages, how many goroutines wait.
//
// The bugs from 101 on are pairs, 101 and 102, 103 and 104: two bugs of the same type
// with the same function on top.
//
// Lines that begin with "//shift" are where the second variant of the source
// has comments, blank lines and functions of its own, and the local variables
// called victim have another name there (scripts/fingerprint-set.sh).
package main

import (
	"fmt"
	"os"
	"runtime/debug"
	"strconv"
)

func main() {
	if len(os.Args) < 2 {
		for n := range bugs {
			fmt.Println(n)
		}
		return
	}
	debug.SetMaxStack(16 << 20)
	n, _ := strconv.Atoi(os.Args[1])
	seed := 1
	if len(os.Args) > 2 {
		seed, _ = strconv.Atoi(os.Args[2])
	}
	bugs[n](seed)
}

// bugs are the bugs by number.
var bugs = map[int]func(seed int){
	1: nilField, 2: nilMap, 3: indexInLoop, 4: sliceBounds, 5: division, 6: wrongType, 7: noType,
	8: closeClosed, 9: closeNil, 10: sendOnClosed, 11: customError, 12: plainError, 13: formattedError,
	14: textPanic, 15: structPanic, 16: makeLength, 17: toArray, 18: unhashable, 19: uncomparable, 20: negativeShift,
	21: literal, 22: genericLiteral, 23: generic, 24: sortCallback, 25: onceCallback, 26: goLiteral, 27: goMethod,
	28: deferred, 29: rethrown, 30: wrapped, 31: cleanup, 32: errorMethod, 33: standardLibrary, 34: thirdParty,
	35: thirdPartyCallback, 36: replacedModule, 37: must, 38: rangeOverFunc, 39: nilFunc, 40: recursion, 41: mutualRecursion,
	42: mapWrites, 43: unlockUnlocked, 44: deadlockedChannel, 45: deadlockedLocks, 46: deadlockedGroup, 47: hangingLock,
	48: hangingSend, 49: hangingCond, 50: nilChannel, 51: nilReceiver, 52: methodValue, 53: promoted, 54: embeddedInterface,
	55: packageLiteral, 56: reflected, 57: marshaler, 58: timerCallback, 59: goexit, 60: inlinedChain, 61: logPanic,
	62: wildPointer, 63: thirdPartyLiteral, 64: nestedLiterals, 65: switchedType, 66: copiedFunction,

	101: nameMissing, 102: nameNil, 103: firstReason, 104: secondReason, 105: callerOne, 106: callerTwo,
	107: deepOne, 108: deepTwo, 109: literalOne, 110: literalTwo, 111: counterRun, 112: gaugeRun,
	113: firstOfNames, 114: firstOfNumbers, 115: mustPort, 116: mustLimit, 117: middlewareOne, 118: middlewareTwo,
	119: lockFirst, 120: lockSecond, 121: indexOfBoth, 122: sliceOfBoth, 123: parseHere, 124: parseThere,
	125: walkLeft, 126: walkRight, 127: decodeHead, 128: decodeBody, 129: hangReader, 130: hangWriter,
	131: lessOne, 132: lessTwo, 133: goOne, 134: goTwo,
}
