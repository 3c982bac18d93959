// Functions for return probes: their return instructions can be counted.
package main

import "os"

//go:noinline
func oneReturn(number int) int {
	return number * 3
}

//go:noinline
func manyReturns(number int) int {
	if number < 10 {
		return oneReturn(number)
	}
	if number < 100 {
		return oneReturn(number) + 1
	}
	for index := 0; index < number; index++ {
		if oneReturn(index) > 1000 {
			return index
		}
	}
	return growStack(number)
}

// growStack makes the runtime copy the stack, which a return probe does not survive.
//
//go:noinline
func growStack(depth int) int {
	var frame [512]byte
	frame[depth%len(frame)] = byte(depth)
	if depth == 0 {
		return int(frame[0])
	}
	return growStack(depth-1) + int(frame[1])
}

//go:noinline
func noReturn(code int) {
	for {
		os.Exit(code)
	}
}

func main() {
	noReturn(manyReturns(len(os.Args)) % 2 * 0)
}
