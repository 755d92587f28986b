package main

import (
	"bufio"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// keyboard reads the lines that answer the questions of running code.
type keyboard struct {
	file       *os.File
	isTerminal bool
	lines      chan typedLine
	saved      *unix.Termios
	reading    bool
}

// typedLine is a line without its end; ended says that there are no more.
type typedLine struct {
	text  string
	ended bool
}

// openKeyboard takes standard input, or the terminal when that is used up.
func openKeyboard(standardInputUsed bool) *keyboard {
	file := os.Stdin
	if standardInputUsed {
		terminal, err := os.Open("/dev/tty")
		if err != nil {
			// Standard input is at its end, as an answer will say.
			terminal = os.Stdin
		}
		file = terminal
	}
	_, err := unix.IoctlGetTermios(int(file.Fd()), unix.TCGETS)
	return &keyboard{file: file, isTerminal: err == nil, lines: make(chan typedLine)}
}

// listen has the next line sent to lines; what is typed is not shown when hidden.
func (k *keyboard) listen(hidden bool) error {
	if !k.reading {
		k.reading = true
		go k.read()
	}
	if !hidden || !k.isTerminal {
		return nil
	}
	state, err := unix.IoctlGetTermios(int(k.file.Fd()), unix.TCGETS)
	if err != nil {
		return fmt.Errorf("hiding what is typed: %w", err)
	}
	saved := *state
	state.Lflag &^= unix.ECHO
	if err := unix.IoctlSetTermios(int(k.file.Fd()), unix.TCSETS, state); err != nil {
		return fmt.Errorf("hiding what is typed: %w", err)
	}
	k.saved = &saved
	return nil
}

// show ends the hiding of what is typed.
func (k *keyboard) show() {
	if k.saved != nil {
		// The terminal has gone when this fails.
		_ = unix.IoctlSetTermios(int(k.file.Fd()), unix.TCSETS, k.saved)
		k.saved = nil
	}
}

// read goes on for good: a read from a terminal can't be taken back.
func (k *keyboard) read() {
	reader := bufio.NewReader(k.file)
	for {
		text, err := reader.ReadString('\n')
		if err != nil && text == "" {
			for {
				k.lines <- typedLine{ended: true}
			}
		}
		if end := len(text) - 1; end >= 0 && text[end] == '\n' {
			text = text[:end]
		}
		k.lines <- typedLine{text: text}
	}
}

// columnsOf is the width of the terminal that file is, in characters; 0 when it is
// none.
func columnsOf(file *os.File) int {
	size, err := unix.IoctlGetWinsize(int(file.Fd()), unix.TIOCGWINSZ)
	if err != nil {
		return 0
	}
	return int(size.Col)
}
