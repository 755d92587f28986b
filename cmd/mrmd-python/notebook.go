package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/text"
)

// cell is code that is run in one execution.
type cell struct {
	code string
	// place says where the code is from, for messages; "" when that is plain.
	place string
	// showResult says that the value of the last expression is to be shown.
	showResult bool
	// raises says that the cell is meant to end in an exception.
	raises bool
}

// fromStandardInput is the argument of --exec that stands for standard input.
const fromStandardInput = "-"

// cellsOf gives what --exec is to run: the cells of a notebook, the code of a file,
// what comes from standard input, or the argument itself.
func cellsOf(argument string) ([]cell, error) {
	if argument == fromStandardInput {
		code, err := io.ReadAll(os.Stdin)
		if err != nil {
			return nil, fmt.Errorf("reading code from standard input: %w", err)
		}
		return []cell{{code: string(withoutMark(code)), showResult: true}}, nil
	}
	if !namesFile(argument) {
		return []cell{{code: argument, showResult: true}}, nil
	}
	content, err := os.ReadFile(argument)
	if err != nil {
		return nil, fmt.Errorf("reading the code to run: %w", err)
	}
	content = withoutMark(content)
	if filepath.Ext(argument) == ".py" {
		return []cell{{code: string(content)}}, nil
	}
	cells := notebookCells(content)
	if len(cells) == 0 {
		return nil, fmt.Errorf("%s has no Python cells: they begin with ```python", argument)
	}
	for i := range cells {
		cells[i].place = fmt.Sprintf("%s: %s", argument, cells[i].place)
	}
	return cells, nil
}

// namesFile tells the name of a file from code. `a.py` alone on a line would be code
// as well, but of no use.
func namesFile(argument string) bool {
	extension := filepath.Ext(argument)
	if extension != ".py" && extension != ".md" || strings.Contains(argument, "\n") {
		return false
	}
	_, err := os.Stat(argument)
	return err == nil || !strings.ContainsAny(argument, "()=;\"'#") && errors.Is(err, os.ErrNotExist)
}

// withoutMark removes the byte order mark that some editors begin a file with.
func withoutMark(content []byte) []byte {
	return bytes.TrimPrefix(content, []byte("\ufeff"))
}

// notebookCells gives the Python cells of a Markdown notebook in their order.
func notebookCells(content []byte) []cell {
	var cells []cell
	document := goldmark.DefaultParser().Parse(text.NewReader(content))
	// A walker that gives no error gets none back.
	_ = ast.Walk(document, func(node ast.Node, entering bool) (ast.WalkStatus, error) {
		fence, fenced := node.(*ast.FencedCodeBlock)
		if !entering || !fenced || fence.Info == nil {
			return ast.WalkContinue, nil
		}
		language, words := languageOf(string(fence.Info.Value(content)))
		if !slices.Contains([]string{"python", "py", "python3"}, language) {
			return ast.WalkContinue, nil
		}
		line := bytes.Count(content[:fence.Info.Segment.Start], []byte("\n")) + 1
		cells = append(cells, cell{
			code:       string(fence.Lines().Value(content)),
			place:      fmt.Sprintf("the cell in line %d", line),
			showResult: true,
			raises:     slices.Contains(words, "raises") || slices.Contains(words, "raises-exception"),
		})
		return ast.WalkContinue, nil
	})
	return cells
}

// languageOf parts what stands after a fence: "python", "python {id=1}", "{python}",
// "{code-cell} python", "{.python .numbered}".
func languageOf(info string) (language string, words []string) {
	words = strings.FieldsFunc(info, func(character rune) bool { return strings.ContainsRune(" \t{},", character) })
	if len(words) > 0 && words[0] == "code-cell" {
		words = words[1:]
	}
	if len(words) == 0 {
		return "", nil
	}
	return strings.ToLower(strings.TrimPrefix(words[0], ".")), words[1:]
}
