package main

import (
	"fmt"
	"strconv"

	"github.com/spf13/pflag"
)

// terminalFlags adds the flags for the size of the terminal that code sees.
func terminalFlags(add func(name, metavar, usage string, value pflag.Value), chosen *limits) {
	add("columns", "N", "Width of the terminal that code sees, in characters (default: 100)", (*characters)(&chosen.terminal.Columns))
	add("rows", "N", "Height of the terminal that code sees, in lines (default: 30)", (*characters)(&chosen.terminal.Rows))
}

// characters is a flag's width or height of a terminal.
type characters uint16

// maxCharacters is the greatest width that a request may name, too.
const maxCharacters = 10000

// String implements pflag.Value.
func (c *characters) String() string { return strconv.Itoa(int(*c)) }

// Type implements pflag.Value.
func (c *characters) Type() string { return "int" }

// Set implements pflag.Value.
func (c *characters) Set(text string) error {
	number, err := strconv.Atoi(text)
	if err != nil || number < 1 || number > maxCharacters {
		return fmt.Errorf("'%s' is no number from 1 to %d", text, maxCharacters)
	}
	*c = characters(number)
	return nil
}
