package shown

import (
	"bytes"
	"image"
	"image/color"
	_ "image/gif" // formats that pictures come in
	_ "image/jpeg"
	_ "image/png"
	"strings"
	"testing"
)

// picture decodes an asset.
func picture(t *testing.T, a asset) image.Image {
	t.Helper()
	decoded, format, err := image.Decode(bytes.NewReader(a.content))
	if err != nil {
		t.Fatalf("%s: %v", a.url, err)
	}
	if "image/"+format != a.mimeType {
		t.Errorf("a picture of type %s is in the format %s", a.mimeType, format)
	}
	return decoded
}

// hasColour says whether any pixel of a picture has exactly the colour.
func hasColour(decoded image.Image, wanted color.RGBA) bool {
	bounds := decoded.Bounds()
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		for x := bounds.Min.X; x < bounds.Max.X; x++ {
			if color.RGBAModel.Convert(decoded.At(x, y)) == wanted {
				return true
			}
		}
	}
	return false
}

// wantColours demands that the pictures of a cell, which has no other assets, have
// one of red, green and blue each, in this order.
func wantColours(t *testing.T, s seen, wanted ...string) {
	t.Helper()
	var got []string
	for _, a := range s.assets {
		decoded := picture(t, a)
		var names []string
		for _, known := range []struct {
			name  string
			value color.RGBA
		}{{"red", color.RGBA{255, 0, 0, 255}}, {"lime", color.RGBA{0, 255, 0, 255}}, {"blue", color.RGBA{0, 0, 255, 255}}} {
			if hasColour(decoded, known.value) {
				names = append(names, known.name)
			}
		}
		got = append(got, strings.Join(names, "+"))
	}
	compare(t, "the pictures", strings.Join(got, " "), strings.Join(wanted, " "))
}

const filled = `
import matplotlib.pyplot as plt

def fill(colour):
    figure, axes = plt.subplots(figsize=(2, 1))
    axes.axhspan(0, 1, color=colour)
    return figure

`

func TestMatplotlib(t *testing.T) {
	const png = "asset image/png"
	for _, c := range []struct {
		name, code string
		steps      []string
		colours    []string
	}{
		{"shown, and left open", `
print("one")
fill("red")
plt.show()
print("two")
fill("blue")
fill("lime")
print("three")`,
			[]string{"stdout one\n", png, "stdout two\nthree\n", png, png}, []string{"red", "blue", "lime"}},
		{"the result", `fill("red")`, []string{png}, []string{"red"}},
		{"the result behind others", "fill('red')\nfill('blue')", []string{png, png}, []string{"red", "blue"}},
		{"closed", "plt.close(fill('red'))\nprint('nothing')", []string{"stdout nothing\n"}, nil},
		{"displayed and closed", "figure = fill('red')\ndisplay(figure)\nplt.close(figure)", []string{png}, []string{"red"}},
		{"of pandas", "import pandas as pd\npd.Series([1, 1]).plot.area(color='red', figsize=(2, 1));", []string{png}, []string{"red"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := runCell(t, filled+c.code)
			wantSteps(t, s, c.steps...)
			wantColours(t, s, c.colours...)
		})
	}
}

func TestMatplotlibAnimation(t *testing.T) {
	s := runCell(t, filled+`
from IPython.display import clear_output
for colour in ["red", "lime", "blue"]:
    clear_output(wait=True)
    fill(colour)
    plt.show()`)
	wantSteps(t, s, "clear_output", "asset image/png", "clear_output", "asset image/png", "clear_output", "asset image/png")
	wantColours(t, s, "red", "lime", "blue")
}

func TestMatplotlibSVG(t *testing.T) {
	runCell(t, "%config InlineBackend.figure_formats = ['svg']")
	defer runCell(t, "%config InlineBackend.figure_formats = ['png']")
	s := runCell(t, filled+"fill('red');")
	wantSteps(t, s, "asset image/svg+xml")
	wantParts(t, "the drawing", string(s.assets[0].content), "<svg ", "#ff0000")
}

func TestSeaborn(t *testing.T) {
	const data = `
import pandas as pd
import seaborn as sns
import seaborn.objects as so
data = pd.DataFrame({"x": [1, 2, 3], "y": [3, 1, 2]})
`
	for _, code := range []string{
		"sns.barplot(data, x='x', y='y', color='red', saturation=1);",
		"sns.relplot(data, x='x', y='y', color='red', s=200, linewidth=0)",
		"so.Plot(data, x='x', y='y').add(so.Dot(color='red', pointsize=20))",
	} {
		t.Run(code, func(t *testing.T) {
			s := runCell(t, data+code)
			wantSteps(t, s, "asset image/png")
			wantColours(t, s, "red")
		})
	}
}

func TestPillow(t *testing.T) {
	for _, code := range []string{
		"picture", "display(picture)", "picture.show()", "picture.convert('RGBA')", "picture.convert('P')",
	} {
		t.Run(code, func(t *testing.T) {
			s := runCell(t, "from PIL import Image\npicture = Image.new('RGB', (30, 20), 'blue')\n"+code)
			wantSteps(t, s, "asset image/png")
			wantColours(t, s, "blue")
			if size := picture(t, s.assets[0]).Bounds().Size(); size != image.Pt(30, 20) {
				t.Errorf("the picture's size is %v", size)
			}
		})
	}
}
