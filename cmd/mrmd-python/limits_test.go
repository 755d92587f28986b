package main

import (
	"strings"
	"testing"
	"time"
)

func TestLimitFlags(t *testing.T) {
	given := []string{
		"--max-body=1MiB", "--max-sessions=3", "--retain-memory=2GiB", "--retain-disk=500KiB", "--retain-age=90s",
		"--retain-count=7", "--max-queue=1", "--answer-within=1.5s",
	}
	var chosen options
	if err := setFlags(flagSet(&chosen), given); err != nil {
		t.Fatal(err)
	}
	l := chosen.limits
	if l.Body != 1<<20 || l.maxSessions != 3 || l.RetainMemory != 2<<30 || l.RetainSpool != 500<<10 ||
		l.RetainAge != 90*time.Second || l.RetainCount != 7 || l.Queue != 1 || l.answerWithin != answerWithin(1500*time.Millisecond) {
		t.Errorf("limits are %+v", l)
	}
	var again options
	if err := setFlags(flagSet(&again), l.limitArguments()); err != nil {
		t.Fatal(err)
	}
	if again.limits != l || len(l.limitArguments()) != len(given) {
		t.Errorf("arguments %v give %+v", l.limitArguments(), again.limits)
	}
}

func TestLimitsThatAreNone(t *testing.T) {
	for _, argument := range []string{
		"--max-body=0", "--max-body=-1", "--max-body=1.5MiB", "--max-body=MiB", "--max-body=9999999999GiB", "--max-body=x",
		"--max-sessions=0", "--max-queue=-3", "--retain-count=many", "--retain-age=soon",
		"--answer-within=0", "--answer-within=1ms", "--answer-within=2m", "--answer-within=soon",
	} {
		err := setFlags(flagSet(&options{}), []string{argument})
		name, _, _ := strings.Cut(argument, "=")
		if err == nil || !strings.Contains(err.Error(), "argument "+name) {
			t.Errorf("%s: %v", argument, err)
		}
	}
}
