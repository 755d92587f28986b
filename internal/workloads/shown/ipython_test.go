package shown

import (
	"encoding/base64"
	"regexp"
	"strings"
	"testing"
)

func TestPagesOfIPython(t *testing.T) {
	for _, c := range []struct {
		code  string
		parts []string
	}{
		{"Audio([0, 0.5, -0.5] * 100, rate=8000)", []string{"<audio ", `src="data:audio/wav;base64,`}},
		{"Audio(url='https://example.org/a.mp3')", []string{`<source src="https://example.org/a.mp3"`}},
		{"Video('https://example.org/a.mp4', width=200)", []string{`<video src="https://example.org/a.mp4"`, `width="200"`}},
		{"open('film.mp4', 'wb').write(b'film')\nVideo('film.mp4', height=50)", []string{`src="data:video/mp4;base64,ZmlsbQ==`, `height="50"`}},
		{"IFrame('https://example.org/', 300, 200)", []string{"<iframe", `src="https://example.org/"`, `width="300"`}},
		{"open('a&b.txt', 'w').write('x')\nFileLink('a&b.txt')",
			[]string{`<a href="data:text/plain;base64,eA==" download="a&amp;b.txt">a&amp;b.txt</a>`}},
		{"open('notes.txt', 'w').write('x')\nFileLink('notes.txt', url_prefix='/files/')", []string{"<a href='/files/notes.txt'"}},
		{"open('long', 'wb').truncate(17 << 20)\nFileLink('long')", []string{"<code>/", "/long</code>"}},
		{"import os; os.makedirs('sub', exist_ok=True); open('sub/a.csv', 'w').close()\nFileLinks('sub')", []string{"<pre>sub", "a.csv"}},
		{"HTML('<b id=n>é</b><script>document.getElementById(\"n\").textContent = \"changed\"</script>')",
			[]string{"<b id=n>é</b>", `<script>document.getElementById("n").textContent = "changed"</script>`, `<meta charset="utf-8">`}},
		{"HTML('<!DOCTYPE html><html><body>whole</body></html>')", []string{"<!DOCTYPE html><html><body>whole</body></html>"}},
		{"Code('print(1)', language='python')", []string{"<style>", "print"}},
	} {
		t.Run(c.code, func(t *testing.T) {
			s := runCell(t, "from IPython.display import *\nprint('before')\n"+c.code)
			wantSteps(t, s, "stdout before\n", "asset text/html")
			page, _ := onlyPage(t, s)
			wantParts(t, "the page", page, c.parts...)
		})
	}
	s := runCell(t, "from IPython.display import FileLink\nopen('notes.txt', 'w').write('x')\nFileLink('notes.txt')")
	if !strings.HasSuffix(s.result, "/notes.txt") {
		t.Errorf("a link's text does not name the file: %q", s.result)
	}
}

func TestSoundIsWhole(t *testing.T) {
	s := runCell(t, "from IPython.display import Audio\nAudio([0, 1] * 50, rate=8000)")
	page, _ := onlyPage(t, s)
	found := regexp.MustCompile(`data:audio/wav;base64,([^"]+)"`).FindStringSubmatch(page)
	if found == nil {
		t.Fatalf("no sound in %s", page)
	}
	sound, err := base64.StdEncoding.DecodeString(found[1])
	if err != nil || !strings.HasPrefix(string(sound), "RIFF") || len(sound) != 44+2*100 {
		t.Errorf("%d bytes, %v: %.12q", len(sound), err, sound)
	}
}

func TestBundlesOfIPython(t *testing.T) {
	for _, c := range []struct{ code, step string }{
		{"Math('x^2')", "display text/latex text/plain"},
		{"Latex('$x^2$')", "display text/latex text/plain"},
		{"Markdown('# title')", "display text/markdown text/plain"},
		{"JSON({'a': [1]})", "display application/json text/plain"},
		{"Javascript('1')", "display application/javascript text/plain"},
		{"GeoJSON({'type': 'Point', 'coordinates': [0, 0]})", "display application/geo+json text/plain"},
		{"SVG('<svg xmlns=\"http://www.w3.org/2000/svg\"/>')", "asset image/svg+xml"},
		{"Image(data=b'GIF89a', format='gif')", "asset image/gif"},
	} {
		t.Run(c.code, func(t *testing.T) {
			wantSteps(t, runCell(t, "from IPython.display import *\n"+c.code), c.step)
		})
	}
}

func TestUpdatesOfADisplay(t *testing.T) {
	s := runCell(t, `
from IPython.display import HTML, Markdown, display
shown = display(Markdown("one"), display_id=True)
print("between")
shown.update(Markdown("two"))
shown.update(HTML("<b>three</b>"))
display(Markdown("after"))`)
	wantSteps(t, s, "display text/markdown text/plain", "stdout between\n", "update_display text/markdown text/plain",
		"update_display text/html", "display text/markdown text/plain")
	response := post(t, "/execute", map[string]any{"code": `
shown = display(Markdown("one"), display_id=True)
shown.update(Markdown("two"))`})
	if bundles := list(response, "displayData"); len(bundles) != 1 || bundles[0]["data"].(map[string]any)["text/markdown"] != "two" {
		t.Errorf("on the screen at the end: %v", bundles)
	}
}

func TestWidgets(t *testing.T) {
	for _, c := range []struct{ code, text string }{
		{"widgets.IntSlider(3, description='how many')", "IntSlider(value=3"},
		{"display(widgets.VBox([widgets.Text('a'), widgets.Button(description='press')]))", "VBox("},
	} {
		s := runCell(t, "import ipywidgets as widgets\nprint('before')\n"+c.code)
		if len(s.steps) < 2 || s.steps[0] != "stdout before\n" || len(s.bundles) != 1 {
			t.Fatalf("got %q", s.steps)
		}
		wantParts(t, "the text", s.bundles[0]["text/plain"].(string), c.text, "widget")
	}
	s := runCell(t, "import ipywidgets as widgets\nwidgets.interact(lambda x: print('x is', x), x=3);")
	wantParts(t, "what was printed", s.stdout, "x is 3\n")
	s = runCell(t, "import ipywidgets as widgets\nout = widgets.Output()\nwith out:\n    print('inside')\nout")
	wantParts(t, "what was printed", s.stdout, "inside\n")
}
