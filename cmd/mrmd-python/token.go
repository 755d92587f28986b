package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/pflag"
)

// tokenVariable is how a token comes to this program, and from a starter to its
// daemon, without standing in a command line.
const tokenVariable = "MRMD_TOKEN"

// takeToken settles which token was given and takes it out of what can be read of
// this process: its command line by every user, its environment by programs of the
// same user. It stays in the variable for a program that takes over or is started,
// until forgetToken.
func takeToken(chosen *options) {
	// The flag's text is a part of the memory that is overwritten.
	chosen.guard.token = strings.Clone(chosen.guard.token)
	onCommandLine := chosen.guard.token != ""
	if !onCommandLine {
		chosen.guard.token = os.Getenv(tokenVariable)
	}
	if chosen.guard.token == "" {
		return
	}
	err := hideToken()
	if onCommandLine {
		os.Args = withoutToken(os.Args)
		err = errors.Join(err, os.Setenv(tokenVariable, chosen.guard.token))
	}
	if err != nil {
		warn(fmt.Errorf("others may see the token in the list of processes: %w", err))
	}
}

// forgetToken keeps the token from what this process starts from now on, and from the
// user's code.
func forgetToken() error {
	if err := os.Unsetenv(tokenVariable); err != nil {
		return fmt.Errorf("taking %s out of the environment: %w", tokenVariable, err)
	}
	return nil
}

// passToken has the next program that is started find the token.
func passToken(token string) error {
	if token == "" {
		return forgetToken()
	}
	if err := os.Setenv(tokenVariable, token); err != nil {
		return fmt.Errorf("passing the token on: %w", err)
	}
	return nil
}

// tokenArguments gives the indexes of the arguments that are, or hold, a token, and
// where in each the token begins.
func tokenArguments(arguments []string) map[int]int {
	places := map[int]int{}
	flags := flagSet(&options{})
	for i := 1; i < len(arguments); i++ {
		flag, value, attached, err := findFlag(flags, arguments[i])
		if err != nil || flag == nil || takesNoArgument(flag) {
			continue
		}
		isToken := flag.Name == "token"
		switch {
		case attached && isToken:
			places[i] = len(arguments[i]) - len(value)
		case !attached && isToken && i+1 < len(arguments):
			places[i], places[i+1] = len(arguments[i]), 0
			i++
		case !attached:
			i++
		}
	}
	return places
}

func takesNoArgument(flag *pflag.Flag) bool { return flag.NoOptDefVal != "" }

func withoutToken(arguments []string) []string {
	places := tokenArguments(arguments)
	var kept []string
	for i, argument := range arguments {
		if _, hidden := places[i]; !hidden {
			kept = append(kept, argument)
		}
	}
	return kept
}

// hideToken overwrites the token where the kernel shows the arguments and the
// environment that this process began with, which is in the process's own memory.
func hideToken() error {
	memory, err := os.OpenFile("/proc/self/mem", os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("opening this process's memory: %w", err)
	}
	defer func() { _ = memory.Close() }()
	bounds, err := startOfProcess()
	if err != nil {
		return err
	}
	arguments, err := readStrings(memory, bounds.arguments)
	if err != nil {
		return err
	}
	places := tokenArguments(arguments)
	at := bounds.arguments[0]
	for i, argument := range arguments {
		if from, holds := places[i]; holds {
			err = errors.Join(err, overwrite(memory, at+int64(from), len(argument)-from))
		}
		at += int64(len(argument)) + 1
	}
	variables, readErr := readStrings(memory, bounds.environment)
	err = errors.Join(err, readErr)
	at = bounds.environment[0]
	for _, variable := range variables {
		if name, value, _ := strings.Cut(variable, "="); name == tokenVariable {
			err = errors.Join(err, overwrite(memory, at+int64(len(name))+1, len(value)))
		}
		at += int64(len(variable)) + 1
	}
	return err
}

func overwrite(memory *os.File, at int64, length int) error {
	if _, err := memory.WriteAt(bytes.Repeat([]byte("x"), length), at); err != nil {
		return fmt.Errorf("overwriting the token: %w", err)
	}
	return nil
}

// readStrings reads strings that each end in a zero byte.
func readStrings(memory *os.File, bounds [2]int64) ([]string, error) {
	text := make([]byte, bounds[1]-bounds[0])
	if _, err := memory.ReadAt(text, bounds[0]); err != nil {
		return nil, fmt.Errorf("reading this process's arguments: %w", err)
	}
	return strings.Split(strings.TrimSuffix(string(text), "\x00"), "\x00"), nil
}

// processStart says where in a process's memory its arguments and its environment
// stand: from, to.
type processStart struct{ arguments, environment [2]int64 }

// startOfProcess reads it from /proc/self/stat, whose fields are in proc_pid_stat(5).
func startOfProcess() (processStart, error) {
	text, err := os.ReadFile("/proc/self/stat")
	if err != nil {
		return processStart{}, fmt.Errorf("finding this process's arguments: %w", err)
	}
	// The second field, the program's name, may hold spaces.
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	const afterName, firstField, count = 3, 48, 4
	if len(fields) < firstField-afterName+count {
		return processStart{}, errors.New("finding this process's arguments: the kernel does not tell")
	}
	var at [count]int64
	for i := range at {
		if at[i], err = strconv.ParseInt(fields[firstField-afterName+i], 10, 64); err != nil || at[i] == 0 {
			return processStart{}, errors.New("finding this process's arguments: the kernel does not tell")
		}
	}
	if at[0] > at[1] || at[2] > at[3] {
		return processStart{}, errors.New("finding this process's arguments: the kernel does not tell")
	}
	return processStart{arguments: [2]int64{at[0], at[1]}, environment: [2]int64{at[2], at[3]}}, nil
}
