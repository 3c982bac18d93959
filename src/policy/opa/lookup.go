package main

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// lookup is what opa_value_get begins with, once quickened. Its parameters are a node and a key.
//
// The structures are those of wasm/src/value.h of OPA 1.22: of an object (type 6) the table of buckets is at 4 and their
// number at 8; an element holds a key, a value, and at 8 the next one; of a string (4) and of one that the module states
// (8) the length is at 4 and the text at 8. The two bytes at 2 of a stated string are nothing else's: they keep the lower half
// of its hash, or 0 where it is not known.
const lookup = `
block
	get node  i32.eqz  br_if 0
	get node  i32.load8_u 0  i32.const 6  i32.ne  br_if 0
	get key  i32.load8_u 0  i32.const 8  i32.ne  br_if 0

	;; The number of buckets is a power of two that the half of a hash suffices for.
	get node  i32.load 8  i32.const 1  i32.sub  tee mask  i32.const 65535  i32.gt_u  br_if 0
	get mask  get node  i32.load 8  i32.and  br_if 0

	get key  i32.load16_u 2  tee hash  i32.eqz
	if
		get key  get key  call opa_value_hash  tee hash  i32.store16 2
	end
	get node  i32.load 4  get hash  get mask  i32.and  i32.const 2  i32.shl  i32.add  i32.load 0  set element
	loop
		get element  i32.eqz
		if
			i32.const 0  return
		end
		block
			get element  i32.load 0  tee name  i32.load8_u 0  i32.const 3  i32.and  br_if 0
			get name  i32.load 4  tee rest  get key  i32.load 4  i32.ne  br_if 0
			get name  i32.load 8  set left
			get key  i32.load 8  set right
			block
				loop
					get rest  i32.const 4  i32.lt_u  br_if 1
					get left  i32.load 0  get right  i32.load 0  i32.ne  br_if 2
					get left  i32.const 4  i32.add  set left
					get right  i32.const 4  i32.add  set right
					get rest  i32.const 4  i32.sub  set rest
					br 0
				end
			end
			loop
				get rest  i32.eqz
				if
					get element  i32.load 4  return
				end
				get left  i32.load8_u 0  get right  i32.load8_u 0  i32.ne  br_if 1
				get left  i32.const 1  i32.add  set left
				get right  i32.const 1  i32.add  set right
				get rest  i32.const 1  i32.sub  set rest
				br 0
			end
		end
		get element  i32.load 8  set element
		br 0
	end
end
`

// lookupVariables are the local variables of lookup, behind its parameters and what the function had before.
var lookupVariables = []string{"mask", "hash", "element", "name", "rest", "left", "right"}

// quickened makes a compiled policy find the fields of objects faster. Policies do little else than asking opa_value_get
// for fields by names that they state, and OPA's runtime computes the hash of the name each time and compares it byte by
// byte: two fifths of an evaluation. The function gets a short way for such names; everything else goes the way that
// it went before: other keys, arrays, sets, and objects of more than 65,536 buckets.
func quickened(wasm []byte) ([]byte, error) {
	sections, err := sectionsOf(wasm)
	if err != nil {
		return nil, err
	}
	functions, imported, err := functionsOf(sections)
	if err != nil {
		return nil, err
	}
	get, found := functions["opa_value_get"]
	if _, too := functions["opa_value_hash"]; !found || !too || get < imported {
		return nil, errors.New("the compiled policy does not name opa_value_get and opa_value_hash")
	}
	result := bytes.Clone(wasm[:wasmHeaderBytes])
	for _, section := range sections {
		content := section.content
		if section.id == codeSection {
			if content, err = withLookup(content, get-imported, functions); err != nil {
				return nil, err
			}
		}
		result = append(result, section.id)
		result = appendNumber(result, len(content))
		result = append(result, content...)
	}
	return result, nil
}

// withLookup gives the code of all functions, in which one begins with lookup.
func withLookup(code []byte, number int, functions map[string]int) ([]byte, error) {
	reader := wasmReader{rest: code}
	count := reader.number()
	result := appendNumber(nil, count)
	for index := range count {
		body := reader.bytes(reader.number())
		if index == number {
			var err error
			if body, err = beginningWithLookup(body, functions); err != nil {
				return nil, err
			}
		}
		result = appendNumber(result, len(body))
		result = append(result, body...)
	}
	return result, reader.err
}

func beginningWithLookup(body []byte, functions map[string]int) ([]byte, error) {
	variables := map[string]int{"node": 0, "key": 1}
	reader := wasmReader{rest: body}
	groups := reader.number()
	used := len(variables)
	for range groups {
		used += reader.number()
		reader.bytes(1)
	}
	declared := body[:len(body)-len(reader.rest)]
	for index, name := range lookupVariables {
		variables[name] = used + index
	}
	beginning, err := assembled(lookup, variables, functions)
	if err != nil {
		return nil, err
	}
	result := appendNumber(nil, groups+1)
	result = append(result, declared[len(appendNumber(nil, groups)):]...)
	result = append(appendNumber(result, len(lookupVariables)), wasmInt32)
	result = append(result, beginning...)
	return append(result, reader.rest...), reader.err
}

const (
	wasmHeaderBytes = 8
	customSection   = 0
	importSection   = 2
	codeSection     = 10
	// functionNames is the part of the custom section `name` that names functions.
	functionNames = 1
	// importedFunction is the kind of an import.
	importedFunction = 0
	wasmInt32        = 0x7f
	wasmNoResult     = 0x40
)

// instructions of WebAssembly that lookup is made of, by their names in its text form.
var instructions = map[string]byte{
	"block": 0x02, "loop": 0x03, "if": 0x04, "end": 0x0b, "br": 0x0c, "br_if": 0x0d, "return": 0x0f, "call": 0x10,
	"get": 0x20, "set": 0x21, "tee": 0x22,
	"i32.load": 0x28, "i32.load8_u": 0x2d, "i32.load16_u": 0x2f, "i32.store16": 0x3b, "i32.const": 0x41,
	"i32.eqz": 0x45, "i32.ne": 0x47, "i32.lt_u": 0x49, "i32.gt_u": 0x4b,
	"i32.add": 0x6a, "i32.sub": 0x6b, "i32.and": 0x71, "i32.shl": 0x74,
}

// assembled gives the bytes of instructions. An operand follows its instruction: the name of a variable or function, the levels
// of a branch, a constant, or the offset of an address.
func assembled(text string, variables, functions map[string]int) ([]byte, error) {
	var code []byte
	var words []string
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, ";;")
		words = append(words, strings.Fields(line)...)
	}
	for index := 0; index < len(words); index++ {
		word := words[index]
		instruction, known := instructions[word]
		if !known {
			return nil, fmt.Errorf("no instruction is named %q", word)
		}
		code = append(code, instruction)
		operand := func() (name string) {
			if index++; index < len(words) {
				name = words[index]
			}
			return name
		}
		number := 0
		var err error
		switch word {
		case "block", "loop", "if":
			code = append(code, wasmNoResult)
			continue
		case "get", "set", "tee":
			name := operand()
			if number, known = variables[name]; !known {
				err = fmt.Errorf("no variable is named %q", name)
			}
		case "call":
			name := operand()
			if number, known = functions[name]; !known {
				err = fmt.Errorf("no function is named %q", name)
			}
		case "i32.load", "i32.load8_u", "i32.load16_u", "i32.store16":
			// Nothing is said about the alignment: texts have none.
			code = append(code, 0)
			number, err = strconv.Atoi(operand())
		case "br", "br_if":
			number, err = strconv.Atoi(operand())
		case "i32.const":
			// Signed: the highest of the seven bits of the last byte is the sign.
			number, err = strconv.Atoi(operand())
			for ; number >= 0x40; number >>= 7 {
				code = append(code, byte(number&0x7f|0x80))
			}
		default:
			continue
		}
		if err != nil {
			return nil, err
		}
		code = appendNumber(code, number)
	}
	return code, nil
}

type wasmSection struct {
	id      byte
	content []byte
}

func sectionsOf(wasm []byte) (sections []wasmSection, err error) {
	if len(wasm) < wasmHeaderBytes {
		return nil, errNoModule
	}
	reader := wasmReader{rest: wasm[wasmHeaderBytes:]}
	for len(reader.rest) > 0 && reader.err == nil {
		id := reader.bytes(1)
		content := reader.bytes(reader.number())
		if reader.err == nil {
			sections = append(sections, wasmSection{id: id[0], content: content})
		}
	}
	return sections, reader.err
}

// functionsOf gives the numbers of functions by their names, and how many of the first are imported.
func functionsOf(sections []wasmSection) (functions map[string]int, imported int, err error) {
	functions = map[string]int{}
	for _, section := range sections {
		reader := wasmReader{rest: section.content}
		switch section.id {
		case importSection:
			for range reader.number() {
				reader.bytes(reader.number())
				reader.bytes(reader.number())
				if kind := reader.bytes(1); slices.Equal(kind, []byte{importedFunction}) {
					reader.number()
					imported++
				} else if reader.skipMemory(); reader.err != nil {
					return nil, 0, reader.err
				}
			}
		case customSection:
			if name := reader.bytes(reader.number()); string(name) != "name" {
				continue
			}
			for len(reader.rest) > 0 && reader.err == nil {
				part := reader.bytes(1)
				names := wasmReader{rest: reader.bytes(reader.number())}
				if !slices.Equal(part, []byte{functionNames}) {
					continue
				}
				for range names.number() {
					number := names.number()
					functions[string(names.bytes(names.number()))] = number
				}
				reader.err = errors.Join(reader.err, names.err)
			}
		}
		if reader.err != nil {
			return nil, 0, reader.err
		}
	}
	return functions, imported, nil
}

var errNoModule = errors.New("the compiled policy is no WebAssembly module")

// wasmReader reads what a module is made of. After an error it gives nothing.
type wasmReader struct {
	rest []byte
	err  error
}

func (r *wasmReader) bytes(count int) []byte {
	if r.err != nil || count > len(r.rest) {
		r.err = errNoModule
		return nil
	}
	read := r.rest[:count]
	r.rest = r.rest[count:]
	return read
}

// number reads an unsigned number of 32 bits in LEB128.
func (r *wasmReader) number() (number int) {
	for shift := 0; shift < 35; shift += 7 {
		part := r.bytes(1)
		if r.err != nil {
			return 0
		}
		number |= int(part[0]&0x7f) << shift
		if part[0] < 0x80 {
			return number
		}
	}
	r.err = errNoModule
	return 0
}

// skipMemory passes over the limits of a memory, which is all that a policy imports apart from functions.
func (r *wasmReader) skipMemory() {
	if flags := r.bytes(1); r.err == nil {
		r.number()
		if flags[0]&1 != 0 {
			r.number()
		}
	}
}

func appendNumber(code []byte, number int) []byte {
	for ; number >= 0x80; number >>= 7 {
		code = append(code, byte(number&0x7f|0x80))
	}
	return append(code, byte(number))
}
