package shown

import (
	"fmt"
	"html"
	"regexp"
	"strconv"
	"strings"
)

// terminalScreen is what a terminal shows of what was written to it.
type terminalScreen struct {
	lines [][]terminalCell
	// coloured says that some text has a colour or is bold.
	coloured bool
}

type terminalCell struct {
	character rune
	style     string
}

var escapeForm = regexp.MustCompile(`\x1b\[([0-9;?]*)([A-Za-z])`)

// terminalColours are 30 to 37 and 90 to 97 of SGR.
var terminalColours = []string{"#000000", "#c01c28", "#26a269", "#a2734c", "#12488b", "#a347ba", "#2aa1b3", "#5e5c64"}

// drawTerminal draws lines, carriage returns and the colours that are used in the
// gallery; it knows no other movements.
func drawTerminal(written string) *terminalScreen {
	screen := &terminalScreen{lines: [][]terminalCell{nil}}
	column, bold, italic, colour := 0, false, false, ""
	put := func(character rune) {
		style := colour
		if bold {
			style += `" font-weight="bold`
		}
		if italic {
			style += `" font-style="italic`
		}
		screen.coloured = screen.coloured || style != ""
		line := &screen.lines[len(screen.lines)-1]
		for len(*line) <= column {
			*line = append(*line, terminalCell{character: ' '})
		}
		(*line)[column] = terminalCell{character, style}
		column++
	}
	write := func(plain string) {
		for _, character := range plain {
			switch character {
			case '\n':
				screen.lines = append(screen.lines, nil)
				column = 0
			case '\r':
				column = 0
			default:
				put(character)
			}
		}
	}
	position := 0
	for _, found := range escapeForm.FindAllStringSubmatchIndex(written, -1) {
		write(written[position:found[0]])
		position = found[1]
		if written[found[4]:found[5]] != "m" {
			continue
		}
		for code := range strings.SplitSeq(written[found[2]:found[3]], ";") {
			switch number, _ := strconv.Atoi(code); {
			case number == 0:
				bold, italic, colour = false, false, ""
			case number == 1:
				bold = true
			case number == 3:
				italic = true
			case number >= 30 && number <= 37:
				colour = terminalColours[number-30]
			case number >= 90 && number <= 97:
				colour = terminalColours[number-90]
			}
		}
	}
	write(written[position:])
	if last := len(screen.lines) - 1; len(screen.lines[last]) == 0 {
		screen.lines = screen.lines[:last]
	}
	return screen
}

func (s *terminalScreen) text() string {
	var all strings.Builder
	for _, line := range s.lines {
		var plain strings.Builder
		for _, cell := range line {
			plain.WriteRune(cell.character)
		}
		all.WriteString(strings.TrimRight(plain.String(), " ") + "\n")
	}
	return all.String()
}

// svg draws the screen, characters 8.4 by 18 pixels large.
func (s *terminalScreen) svg() string {
	const character, height, margin = 8.4, 18, 10
	width := 0
	for _, line := range s.lines {
		width = max(width, len(line))
	}
	var drawn strings.Builder
	fmt.Fprintf(&drawn, `<svg xmlns="http://www.w3.org/2000/svg" width="%.0f" height="%d" font-family="monospace" font-size="14">
<rect width="100%%" height="100%%" rx="6" fill="#f6f8fa"/>
`, float64(width)*character+2*margin, len(s.lines)*height+2*margin)
	for y, line := range s.lines {
		for x := 0; x < len(line); {
			end := x
			var run strings.Builder
			for end < len(line) && line[end].style == line[x].style {
				run.WriteRune(line[end].character)
				end++
			}
			style := line[x].style
			if !strings.HasPrefix(style, "#") {
				style = "#1f2328" + style
			}
			if strings.TrimSpace(run.String()) != "" {
				fmt.Fprintf(&drawn, `<text x="%.1f" y="%d" textLength="%.1f" xml:space="preserve" fill="%s">%s</text>`+"\n",
					float64(x)*character+margin, (y+1)*height+margin-4, float64(end-x)*character, style, html.EscapeString(run.String()))
			}
			x = end
		}
	}
	drawn.WriteString("</svg>\n")
	return drawn.String()
}
