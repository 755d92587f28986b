package main

import (
	_ "embed"
	"fmt"
	"strings"
	"text/template"
)

//go:embed completion/mrmd-python.bash
var bashCompletion string

//go:embed completion/mrmd-python.zsh
var zshCompletion string

//go:embed completion/mrmd-python.fish
var fishCompletion string

// completionScripts are templates by the shell they are for.
var completionScripts = map[string]string{"bash": bashCompletion, "zsh": zshCompletion, "fish": fishCompletion}

// completedFlag is a flag as the templates see it.
type completedFlag struct {
	Name, Shorthand, Usage string
	// Takes is what its argument is: "" for none, else "id", "folder", "file",
	// "choice" or "text".
	Takes   string
	Choices string
}

// completionScript gives the script that completes this program's command line.
func completionScript(shell string) string {
	takes := map[string]string{
		"id": "id", "kill": "id", "info": "id", "logs": "id", "restart": "id",
		"venv": "folder", "cwd": "folder", "assets-dir": "folder", "exec": "file",
		"completion": "choice", "log-level": "choice", "host": "choice",
	}
	choices := map[string]string{
		"completion": "bash zsh fish", "log-level": "error warn info debug", "host": "localhost 0.0.0.0",
	}
	var flags []completedFlag
	for _, flag := range visibleFlags() {
		completed := completedFlag{Name: flag.Name, Shorthand: flag.Shorthand, Usage: flag.Usage, Choices: choices[flag.Name]}
		if metavar(flag) != "" {
			completed.Takes = takes[flag.Name]
			if completed.Takes == "" {
				completed.Takes = "text"
			}
		}
		flags = append(flags, completed)
	}
	quoted := func(special string) func(string) string {
		return func(text string) string {
			for _, character := range special {
				text = strings.ReplaceAll(text, string(character), `\`+string(character))
			}
			return text
		}
	}
	functions := template.FuncMap{
		// Within single quotes a shell has no way to write one.
		"plain":   func(text string) string { return strings.ReplaceAll(text, "'", "") },
		"zshText": func(text string) string { return quoted(`[]:`)(strings.ReplaceAll(text, "'", "")) },
	}
	script := template.Must(template.New(shell).Funcs(functions).Parse(completionScripts[shell]))
	var text strings.Builder
	if err := script.Execute(&text, flags); err != nil {
		panic(fmt.Sprintf("the completion script for %s: %v", shell, err))
	}
	return text.String()
}
