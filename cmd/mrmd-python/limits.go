package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"github.com/mrmd/mrmd-python/cpython"
	"github.com/mrmd/mrmd-python/mrp"
)

// limits are what the command line says of how much clients and cells may make
// the runtime hold; zero stands for mrp's default.
type limits struct {
	maxSessions  int
	terminal     cpython.WindowSize
	answerWithin answerWithin
	mrp.Limits
}

// limitFlags adds a flag for each limit and gives their names.
func limitFlags(flags *pflag.FlagSet, chosen *limits) []string {
	var names []string
	add := func(name, metavar, usage string, value pflag.Value) {
		flags.Var(value, name, usage)
		annotate(flags, name, metavarAnnotation, metavar)
		names = append(names, name)
	}
	add("max-body", "SIZE", "Longest request body (default: 64MiB)", (*size)(&chosen.Body))
	add("max-headers", "SIZE", "Longest headers of a request (default: 64KiB)", (*size)(&chosen.Headers))
	add("max-header-time", "TIME", "How long a request's headers may take (default: 10s)", (*period)(&chosen.HeaderTime))
	add("keep-alive", "TIME", "How long a connection is kept between requests (default: 2m)", (*period)(&chosen.IdleTime))
	add("max-json-depth", "N", "How deep a request's JSON may nest (default: 200)", (*count)(&chosen.JSONDepth))
	add("max-sessions", "N", "How many sessions there may be (default: 100)", (*count)(&chosen.maxSessions))
	add("max-queue", "N", "How many executions may wait (default: 1000)", (*count)(&chosen.Queue))
	add("max-streams", "N", "How many event streams may be open (default: 1000)", (*count)(&chosen.Streams))
	add("retain-count", "N", "How many ended executions are kept (default: 200)", (*count)(&chosen.RetainCount))
	add("retain-memory", "SIZE", "Memory that ended executions may hold (default: 256MiB)", (*size)(&chosen.RetainMemory))
	add("retain-disk", "SIZE", "Disk that ended executions may hold (default: 4GiB)", (*size)(&chosen.RetainSpool))
	add("retain-age", "TIME", "How long an ended execution is kept (default: 24h)", (*period)(&chosen.RetainAge))
	add("retain-cell-age", "TIME", "How long the last execution of each cell is kept (default: 168h)", (*period)(&chosen.RetainCellAge))
	terminalFlags(add, chosen)
	add("retain-assets", "N", "How many files are kept in the assets folder, the newest (default: all)", (*count)(&chosen.RetainAssets))
	add("retain-asset-age", "TIME", "How long a file is kept in the assets folder (default: for ever)", (*period)(&chosen.RetainAssetAge))
	addAnswerFlag(add, &chosen.answerWithin)
	return names
}

// limitArguments are the arguments that set the limits as they are.
func (l limits) limitArguments() []string {
	var arguments []string
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	for _, name := range limitFlags(flags, &l) {
		if value := flags.Lookup(name).Value.String(); value != "0" && value != "0s" {
			arguments = append(arguments, "--"+name+"="+value)
		}
	}
	return arguments
}

// count is a flag's number of things, 1 or more.
type count int

// String implements pflag.Value.
func (c *count) String() string { return strconv.Itoa(int(*c)) }

// Type implements pflag.Value.
func (c *count) Type() string { return "int" }

// Set implements pflag.Value.
func (c *count) Set(text string) error {
	number, err := strconv.Atoi(text)
	if err != nil || number < 1 {
		return fmt.Errorf("'%s' is no number of 1 or more", text)
	}
	*c = count(number)
	return nil
}

// size is a flag's number of bytes.
type size int64

var sizeUnits = []struct {
	suffix string
	bytes  int64
}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"", 1}}

// String implements pflag.Value.
func (s *size) String() string { return strconv.FormatInt(int64(*s), 10) }

// Type implements pflag.Value.
func (s *size) Type() string { return "size" }

// Set implements pflag.Value. A number alone counts bytes.
func (s *size) Set(text string) error {
	for _, unit := range sizeUnits {
		digits, found := strings.CutSuffix(text, unit.suffix)
		if !found {
			continue
		}
		number, err := strconv.ParseInt(digits, 10, 64)
		if err != nil || number < 1 || number > (1<<62)/unit.bytes {
			break
		}
		*s = size(number * unit.bytes)
		return nil
	}
	return fmt.Errorf("'%s' is no size: give one like 500KiB, 64MiB or 4GiB", text)
}
