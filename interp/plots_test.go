package interp

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"image/png"
	"strconv"
	"strings"
	"testing"

	"github.com/mrmd/mrmd-python/mrp"
)

const plotting = "import matplotlib, matplotlib.pyplot as plt\n"

// widths gives the widths in pixels of the PNG images among the displays; a display
// without one is given by its types.
func widths(t *testing.T, displays []mrp.Display) (all []string) {
	t.Helper()
	for _, display := range displays {
		value, found := display.Data["image/png"]
		if !found {
			all = append(all, mimeTypes(display))
			continue
		}
		all = append(all, fmt.Sprint(pngWidth(t, value)))
	}
	return all
}

func pngWidth(t *testing.T, value []byte) int {
	t.Helper()
	var text string
	if err := json.Unmarshal(value, &text); err != nil {
		t.Fatal(err)
	}
	content, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	config, err := png.DecodeConfig(bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	return config.Width
}

// TestFiguresAreShownOnce draws each figure with a width of its own, in inches, and
// nothing but a filled canvas, so that the widths say which was shown, and when.
func TestFiguresAreShownOnce(t *testing.T) {
	mustRun(t, plotting+`
def draw(width):
    figure = plt.figure(figsize=(width, 1))
    figure.add_axes((0, 0, 1, 1)).plot([1, 2])
    return figure
figure = matplotlib.figure.Figure((2, 1))
_ = figure.add_axes((0, 0, 1, 1)).plot([1, 2])`)
	for _, step := range []struct {
		code string
		want string
	}{
		{"figure", "2"},
		{"draw(1); plt.show()", "1"},
		{"draw(1); draw(2); plt.show()", "1 2"},
		{"draw(3);", "3"},
		{"draw(1); a = draw(2); b = draw(3)\na", "1 2 3"},
		{"a = draw(1); display(a)", "1"},
		{"a = draw(1); display(a); b = draw(2)", "1 2"},
		{"a = draw(1); display(a); plt.show(); draw(2); plt.show()", "1 2"},
		{"a = draw(1)\nplt.show()\na", "1"},
		{"a", "1"},
		{"display(a); a", "1"},
		{"a = draw(1); a.show(); plt.show()", "1"},
		{"a = draw(1); display(a); a.gca().plot([15, 1]);", "1 1"},
		{"a = draw(1)\ndisplay(a)\nfrom IPython.display import clear_output\nclear_output()\na", "1 1"},
		{"from IPython.utils.capture import capture_output\nwith capture_output():\n    display(draw(2))", "2"},
		{"%%capture\ndraw(1)", ""},
		{"plt.ioff(); a = draw(1); plt.ion();", ""},
		{"plt.show()", "1"},
		{"%matplotlib inline\ndraw(1)", "1"},
		{"%matplotlib inline\na = draw(2)\nplt.show()", "2"},
		{"a = draw(1); a.savefig('saved.png'); plt.close(a)", ""},
		{"import matplotlib.pyplot", ""},
	} {
		_, shown := mustRun(t, step.code)
		// 150 dots an inch, and what the labels and the margin of a tight box need.
		var inches []string
		for _, width := range widths(t, shown.displays) {
			pixels, err := strconv.Atoi(width)
			if err != nil {
				t.Errorf("%q showed %s", step.code, width)
			}
			inches = append(inches, strconv.Itoa(pixels/150))
		}
		got := strings.Join(inches, " ")
		if got != step.want {
			t.Errorf("%q showed %q, want %q", step.code, got, step.want)
		}
	}
	if saved, _ := mustRun(t, "plt.imread('saved.png').shape"); saved != "(100, 100, 4)" {
		t.Errorf("savefig made a picture of %s", saved)
	}
}

// TestFiguresAsTheUserWantsThem changes one setting each and puts it back.
func TestFiguresAsTheUserWantsThem(t *testing.T) {
	mustRun(t, plotting+`
def draw(**options):
    figure = plt.figure(figsize=(2, 2), **options)
    figure.add_axes((0, 0, 1, 1)).set_axis_off()
    return figure`)
	for _, step := range []struct {
		set, code, unset string
		want             string
	}{
		{code: "draw();", want: "image/png 330"},
		{code: "draw(dpi=50);", want: "image/png 110"},
		{code: "draw(dpi=100);", want: "image/png 220"},
		{set: "plt.rcParams['figure.dpi'] = 50", code: "draw();", unset: "plt.rcdefaults()", want: "image/png 110"},
		{set: "plt.rcParams['figure.dpi'] = 100", code: "draw()", unset: "plt.rcdefaults()", want: "image/png 220"},
		{set: "plt.rcParams['savefig.dpi'] = 200", code: "draw()", unset: "plt.rcdefaults()", want: "image/png 440"},
		{code: "draw();", want: "image/png 330"},
		{set: "%config InlineBackend.figure_formats = ['svg']", code: "a = draw()\ndisplay(a)", want: "image/svg+xml"},
		{set: "%config InlineBackend.figure_formats = ['png', 'svg']", code: "draw()", want: "image/svg+xml image/png 330"},
		{set: "%config InlineBackend.figure_format = 'retina'", code: "draw()", want: "image/png 660"},
		{set: "%config InlineBackend.figure_format = 'jpeg'", code: "draw()", want: "image/jpeg"},
		{set: "%config InlineBackend.figure_formats = ['png']", code: "draw()", want: "image/png 330"},
		{set: "%config InlineBackend.print_figure_kwargs = {'dpi': 30, 'bbox_inches': None}", code: "draw()",
			unset: "%config InlineBackend.print_figure_kwargs = {'bbox_inches': 'tight'}", want: "image/png 60"},
		{set: "%config InlineBackend.close_figures = False", code: "kept = draw()", want: "image/png 330"},
		{code: "display(kept)", want: "image/png 330"},
		{set: "plt.close('all')", code: "1", unset: "%config InlineBackend.close_figures = True"},
		{set: "plt.switch_backend('agg')", code: "draw();"},
		{code: "draw()", want: "image/png 330"},
		{code: "plt.show()"},
		{set: "%matplotlib inline", code: "plt.close('all'); draw();", want: "image/png 330"},
	} {
		if step.set != "" {
			mustRun(t, step.set)
		}
		_, shown := mustRun(t, step.code)
		var got []string
		for _, display := range shown.displays {
			for _, kind := range []string{"image/svg+xml", "image/jpeg", "image/png"} {
				if _, found := display.Data[kind]; found {
					got = append(got, kind)
				}
			}
			if value, found := display.Data["image/png"]; found {
				got = append(got, fmt.Sprint(pngWidth(t, value)))
			}
		}
		if strings.Join(got, " ") != step.want {
			t.Errorf("%q, then %q showed %q, want %q", step.set, step.code, got, step.want)
		}
		if step.unset != "" {
			mustRun(t, step.unset)
		}
	}
	outcome, _ := run(t, "%matplotlib tk")
	if outcome.Error == nil {
		t.Error("a window system was accepted")
	}
	mustRun(t, "plt.ion()\n%matplotlib inline")
	if _, shown := mustRun(t, "draw();"); len(shown.displays) != 1 {
		t.Errorf("afterwards %d figures", len(shown.displays))
	}
}
