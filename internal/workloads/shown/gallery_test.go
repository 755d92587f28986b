package shown

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/mrmd/mrmd-python/internal/livetest"
)

// writeGallery is set by scripts/gallery.
var writeGallery = flag.Bool("write", false, "write docs/gallery.md and its pictures")

// The paths are relative to this package's folder, where its tests run.
const (
	galleryNotebook = "../../../examples/gallery.md"
	galleryPage     = "../../../docs/gallery.md"
	galleryPictures = "../../../docs/gallery"
	// galleryLink is the folder of the pictures, from the page.
	galleryLink = "gallery/"
	// largestPicture is in bytes.
	largestPicture = 60_000
)

const galleryHead = `<!-- Made by scripts/gallery from examples/gallery.md; change that and run make gallery. -->
`

var (
	galleryCellForm    = regexp.MustCompile("(?ms)^```python( raises)?\n(.*?)^```\n")
	galleryPictureForm = regexp.MustCompile(`\]\(` + galleryLink + `([^)]+)\)`)
)

// gallery is the page that is made of the notebook.
type gallery struct {
	page strings.Builder
	// pictures maps names of files to what they hold.
	pictures map[string][]byte
	// heading is that of the chapter; count numbers its pictures.
	heading string
	count   int
}

// TestGallery runs the notebook, whose cells must end as it says. The page in docs
// must have the same text, cells and pictures, or is written.
func TestGallery(t *testing.T) {
	notebook, err := os.ReadFile(galleryNotebook)
	if err != nil {
		t.Fatal(err)
	}
	g := gallery{pictures: map[string][]byte{}}
	g.page.WriteString(galleryHead)
	rest := string(notebook)
	for rest != "" {
		found := galleryCellForm.FindStringSubmatchIndex(rest)
		if found == nil {
			g.addProse(rest)
			break
		}
		g.addProse(rest[:found[1]])
		raises := found[2] >= 0
		g.runCell(t, rest[found[4]:found[5]], raises)
		rest = rest[found[1]:]
	}
	if *writeGallery {
		g.write(t)
	}
	g.check(t, string(notebook))
}

var headingForm = regexp.MustCompile(`(?m)^## (.+)$`)

func (g *gallery) addProse(prose string) {
	// Links of the notebook are relative to its own folder.
	prose = strings.ReplaceAll(prose, "[page with the outputs](../docs/gallery.md)", "page with the outputs")
	for _, heading := range headingForm.FindAllStringSubmatch(prose, -1) {
		g.heading, g.count = heading[1], 0
	}
	g.page.WriteString(prose)
}

// output is one part of what stands below a cell.
type output struct {
	// stream is "stdout" or "stderr", else this is a display.
	stream, text string
	// displayID is that of the display, if it has one.
	displayID string
	bundle    livetest.Object
	asset     livetest.Object
}

// runCell runs a cell and adds what is on the screen at its end.
func (g *gallery) runCell(t *testing.T, code string, raises bool) {
	t.Helper()
	request := livetest.Object{"code": code, "session": "gallery", "displays": "both"}
	ctx, cancel := limited()
	defer cancel()
	events, err := runtime.Run(ctx, request)
	if err != nil {
		t.Fatal(err)
	}
	var outputs []output
	var file livetest.Object
	failed := false
	for _, event := range events {
		switch event.Name {
		case "stdout", "stderr":
			content := text(event.Data, "content")
			if last := len(outputs) - 1; last >= 0 && outputs[last].stream == event.Name {
				outputs[last].text += content
			} else {
				outputs = append(outputs, output{stream: event.Name, text: content})
			}
		case "asset":
			file = event.Data
		case "display", "update_display":
			transient, _ := event.Data["transient"].(livetest.Object)
			shown := output{displayID: text(transient, "display_id"), bundle: event.Data["data"].(livetest.Object), asset: file}
			file = nil
			if event.Name == "display" {
				outputs = append(outputs, shown)
				continue
			}
			for i := range outputs {
				if outputs[i].stream == "" && outputs[i].displayID == shown.displayID {
					outputs[i] = shown
				}
			}
		case "clear_output":
			outputs = slices.DeleteFunc(outputs, func(o output) bool { return o.stream == "" })
		case "error":
			failed = true
			outputs = append(outputs, output{stream: "error", text: traceback(event.Data)})
		case "result":
			result := text(event.Data, "result")
			isShown := slices.ContainsFunc(outputs, func(o output) bool { return o.stream == "" })
			if result != "" && !isShown {
				outputs = append(outputs, output{stream: "result", text: result})
			}
		}
	}
	if failed != raises {
		t.Errorf("this cell did not end as the notebook says:\n%s%+v", code, outputs)
	}
	for _, o := range outputs {
		if o.stream != "" {
			g.addText(o.text)
		} else {
			g.addDisplay(t, o)
		}
	}
}

func traceback(data livetest.Object) string {
	var lines strings.Builder
	for _, line := range data["traceback"].([]any) {
		lines.WriteString(strings.TrimSuffix(line.(string), "\n") + "\n")
	}
	return lines.String()
}

// addText adds what was written to a terminal: as a drawing where it has colours.
func (g *gallery) addText(written string) {
	screen := drawTerminal(written)
	if screen.coloured {
		g.addPicture("svg", []byte(screen.svg()))
		return
	}
	g.addBlock("text", screen.text())
}

func (g *gallery) addBlock(language, content string) {
	fmt.Fprintf(&g.page, "\n```%s\n%s\n```\n", language, strings.TrimRight(withoutTrailingSpaces(content), "\n"))
}

func (g *gallery) addDisplay(t *testing.T, o output) {
	t.Helper()
	if mimeType := text(o.asset, "mimeType"); strings.HasPrefix(mimeType, "image/") {
		_, extension, _ := strings.Cut(strings.TrimSuffix(mimeType, "+xml"), "/")
		g.addPicture(extension, fetch(t, o.asset).content)
		return
	} else if mimeType == "text/html" {
		page := fetch(t, o.asset)
		var picture []byte
		if *writeGallery {
			picture = photograph(t, page.url)
		}
		g.addPicture("png", picture)
		if isTable := strings.Contains(text(o.bundle, "text/html"), "<td>"); isTable {
			g.page.WriteString("\nIts text, for clients that show no pages:\n")
			g.addBlock("text", text(o.bundle, "text/plain"))
		}
		return
	}
	switch {
	case text(o.bundle, "text/markdown") != "":
		quoted := "> " + strings.ReplaceAll(text(o.bundle, "text/markdown"), "\n", "\n> ")
		g.page.WriteString("\n" + withoutTrailingSpaces(quoted) + "\n")
	case text(o.bundle, "text/latex") != "":
		g.page.WriteString("\n" + text(o.bundle, "text/latex") + "\n")
	case o.bundle["application/json"] != nil:
		g.addBlock("json", encodeJSON(t, o.bundle["application/json"]))
	default:
		g.addBlock("text", text(o.bundle, "text/plain"))
	}
}

var notInNames = regexp.MustCompile(`[^a-z0-9]+`)

func (g *gallery) addPicture(extension string, content []byte) {
	g.count++
	name := fmt.Sprintf("%s-%d.%s", strings.Trim(notInNames.ReplaceAllString(strings.ToLower(g.heading), "-"), "-"), g.count, extension)
	g.pictures[name] = content
	fmt.Fprintf(&g.page, "\n![%s](%s%s)\n", g.heading, galleryLink, name)
}

var trailingSpaces = regexp.MustCompile(`(?m)[ \t]+$`)

func withoutTrailingSpaces(content string) string {
	return trailingSpaces.ReplaceAllString(content, "")
}

// write writes the page and its pictures, and removes pictures that it has no more.
func (g *gallery) write(t *testing.T) {
	t.Helper()
	if err := os.RemoveAll(galleryPictures); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(galleryPictures, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, content := range g.pictures {
		if err := os.WriteFile(filepath.Join(galleryPictures, name), content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(galleryPage, []byte(g.page.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

// check demands that the page has the notebook's text and cells, and pictures where
// this run had them.
func (g *gallery) check(t *testing.T, notebook string) {
	t.Helper()
	const remedy = "run make gallery and look at what it made"
	content, err := os.ReadFile(galleryPage)
	if err != nil {
		t.Fatalf("%v; %s", err, remedy)
	}
	page := string(content)
	cells := func(document string) (all []string) {
		for _, found := range galleryCellForm.FindAllStringSubmatch(document, -1) {
			all = append(all, found[0])
		}
		return all
	}
	headings := func(document string) []string { return headingForm.FindAllString(document, -1) }
	pictures := func(document string) (names []string) {
		for _, found := range galleryPictureForm.FindAllStringSubmatch(document, -1) {
			names = append(names, found[1])
		}
		return names
	}
	if len(cells(notebook)) < 20 {
		t.Errorf("only %d cells were found in the notebook", len(cells(notebook)))
	}
	for what, pair := range map[string][2][]string{
		"the cells":    {cells(page), cells(notebook)},
		"the chapters": {headings(page), headings(notebook)},
		"the pictures": {pictures(page), pictures(g.page.String())},
	} {
		if !slices.Equal(pair[0], pair[1]) {
			t.Errorf("%s of docs/gallery.md are not those of the notebook: %q, not %q; %s", what, pair[0], pair[1], remedy)
		}
	}
	files, err := filepath.Glob(filepath.Join(galleryPictures, "*"))
	if err != nil || len(files) != len(g.pictures) {
		t.Errorf("%d pictures in docs/gallery, not %d: %v; %s", len(files), len(g.pictures), err, remedy)
	}
	for _, file := range files {
		info, err := os.Stat(file)
		if err != nil || info.Size() == 0 || info.Size() > largestPicture {
			t.Errorf("%s has %d bytes: %v", file, info.Size(), err)
		}
	}
}

func encodeJSON(t *testing.T, value any) string {
	t.Helper()
	encoded, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return string(encoded)
}
