package main

import (
	"errors"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"
)

// setFlags reads a command line as Python's argparse does, which scripts written for
// mrmd-python 0.4.2 rely on: a flag may be shortened as long as it is clear, and what
// looks like a flag is not taken for the argument of another. pflag reads it
// otherwise.
func setFlags(flags *pflag.FlagSet, arguments []string) error {
	var unrecognized []string
	for len(arguments) > 0 {
		argument := arguments[0]
		arguments = arguments[1:]
		flag, value, attached, err := findFlag(flags, argument)
		if err != nil {
			return err
		}
		switch {
		case flag == nil:
			unrecognized = append(unrecognized, argument)
			continue
		case flag.NoOptDefVal != "" && attached:
			return misused("argument %s: ignored explicit argument '%s'", invocation(flag), value)
		case flag.NoOptDefVal != "":
			value = flag.NoOptDefVal
		case !attached:
			if len(arguments) == 0 || !isArgument(flag, arguments[0]) {
				return misused("argument %s: expected one argument", invocation(flag))
			}
			value, arguments = arguments[0], arguments[1:]
		}
		if err := flags.Set(flag.Name, value); err != nil {
			return misused("argument %s: %s", invocation(flag), invalidValue(flag, value, err))
		}
	}
	if len(unrecognized) > 0 {
		return misused("unrecognized arguments: %s", strings.Join(unrecognized, " "))
	}
	return nil
}

// findFlag finds the flag that an argument names; nil when it names none.
func findFlag(flags *pflag.FlagSet, argument string) (flag *pflag.Flag, value string, attached bool, err error) {
	name, long := strings.CutPrefix(argument, "--")
	if !long {
		if letter, short := strings.CutPrefix(argument, "-"); short && len(letter) == 1 {
			return flags.ShorthandLookup(letter), "", false, nil
		}
		return nil, "", false, nil
	}
	name, value, attached = strings.Cut(name, "=")
	if flag := flags.Lookup(name); flag != nil || name == "" {
		return flag, value, attached, nil
	}
	var candidates []*pflag.Flag
	var names []string
	flags.VisitAll(func(candidate *pflag.Flag) {
		if !candidate.Hidden && strings.HasPrefix(candidate.Name, name) {
			candidates = append(candidates, candidate)
			names = append(names, "--"+candidate.Name)
		}
	})
	switch len(candidates) {
	case 0:
		return nil, "", false, nil
	case 1:
		return candidates[0], value, attached, nil
	}
	return nil, "", false, misused("ambiguous option: --%s could match %s", name, strings.Join(names, ", "))
}

var negativeNumber = regexp.MustCompile(`^-\d+$|^-\d*\.\d+$`)

// isArgument says whether text can be the argument of flag, and is no flag itself.
func isArgument(flag *pflag.Flag, text string) bool {
	_, anyText := flag.Annotations[anyTextAnnotation]
	return anyText || !strings.HasPrefix(text, "-") || text == "-" || negativeNumber.MatchString(text) ||
		strings.Contains(text, " ")
}

// invocation is a flag as error messages name it.
func invocation(flag *pflag.Flag) string {
	if flag.Shorthand != "" {
		return "-" + flag.Shorthand + "/--" + flag.Name
	}
	return "--" + flag.Name
}

func invalidValue(flag *pflag.Flag, value string, err error) string {
	if flag.Value.Type() == "int" {
		return "invalid int value: '" + value + "'"
	}
	var invalid *pflag.InvalidValueError
	if errors.As(err, &invalid) {
		err = invalid.Unwrap()
	}
	return err.Error()
}

// period is a length of time in a flag.
type period time.Duration

// String implements pflag.Value.
func (p *period) String() string { return time.Duration(*p).String() }

// Type implements pflag.Value.
func (p *period) Type() string { return "period" }

// Set implements pflag.Value. A number alone counts seconds.
func (p *period) Set(text string) error {
	length, err := time.ParseDuration(text)
	if seconds, numberErr := strconv.ParseFloat(text, 64); numberErr == nil {
		length, err = time.Duration(seconds*float64(time.Second)), nil
	}
	if err != nil || length < 0 {
		return errors.New("'" + text + "' is no length of time: give one like 90s, 30m or 8h")
	}
	*p = period(length)
	return nil
}

// visibleFlags are the flags in the order in which they are shown.
func visibleFlags() []*pflag.Flag {
	var visible []*pflag.Flag
	flagSet(&options{}).VisitAll(func(flag *pflag.Flag) { visible = append(visible, flag) })
	return slices.DeleteFunc(visible, func(flag *pflag.Flag) bool { return flag.Hidden })
}
