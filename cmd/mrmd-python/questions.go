package main

import (
	"fmt"
	"time"

	"github.com/spf13/pflag"
)

// answerWithin is the flag's value: how long code intelligence may wait for
// Python before it answers without; zero stands for interp's default.
type answerWithin time.Duration

const (
	// Below it a question can't be asked again without user code in time.
	shortestAnswer = 20 * time.Millisecond
	// Above it clients give up first.
	longestAnswer = time.Minute
)

// addAnswerFlag is called by limitFlags with its function for one flag.
func addAnswerFlag(add func(name, metavar, usage string, value pflag.Value), chosen *answerWithin) {
	add("answer-within", "TIME", "How long code intelligence waits for Python before it gives its last answer, or says that it is busy (default: 300ms)", chosen)
}

// String implements pflag.Value.
func (a *answerWithin) String() string { return time.Duration(*a).String() }

// Type implements pflag.Value.
func (a *answerWithin) Type() string { return "period" }

// Set implements pflag.Value. A number alone counts seconds.
func (a *answerWithin) Set(text string) error {
	var length period
	err := length.Set(text)
	if given := time.Duration(length); err != nil || given < shortestAnswer || given > longestAnswer {
		return fmt.Errorf("'%s' is no time from %s to 1m: give one like 300ms or 2s", text, shortestAnswer)
	}
	*a = answerWithin(length)
	return nil
}
