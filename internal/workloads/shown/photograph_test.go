package shown

import (
	"bytes"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// photograph gives a PNG of the page at a path of the runtime, without the white
// around it. It needs chromium, and so only scripts/gallery does it.
func photograph(t *testing.T, path string) []byte {
	t.Helper()
	base, err := url.Parse(runtime.URL)
	if err != nil {
		t.Fatal(err)
	}
	address, err := base.Parse(path)
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	file := filepath.Join(folder, "page.png")
	arguments := []string{
		"--headless", "--disable-gpu", "--hide-scrollbars", "--window-size=700,600",
		"--user-data-dir=" + filepath.Join(folder, "profile"), "--virtual-time-budget=10000", "--screenshot=" + file,
	}
	if os.Getuid() == 0 {
		arguments = append(arguments, "--no-sandbox")
	}
	ctx, cancel := limited()
	defer cancel()
	said, err := exec.CommandContext(ctx, "chromium", append(arguments, address.String())...).CombinedOutput()
	if err != nil {
		t.Fatalf("chromium: %v\n%s", err, said)
	}
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("chromium made no picture: %v\n%s", err, said)
	}
	return cropped(t, content)
}

// cropped gives a PNG without the white at its right and bottom.
func cropped(t *testing.T, content []byte) []byte {
	t.Helper()
	whole, err := png.Decode(bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	const margin = 8 // pixels
	var used image.Point
	bounds := whole.Bounds()
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		for x := bounds.Min.X; x < bounds.Max.X; x++ {
			if color.RGBAModel.Convert(whole.At(x, y)) != (color.RGBA{255, 255, 255, 255}) {
				used = image.Pt(max(used.X, x), max(used.Y, y))
			}
		}
	}
	if used == (image.Point{}) {
		t.Fatal("the page is white")
	}
	part := image.NewRGBA(image.Rectangle{Max: used.Add(image.Pt(margin, margin))}.Intersect(bounds))
	draw.Draw(part, part.Bounds(), whole, bounds.Min, draw.Src)
	var encoded bytes.Buffer
	encoder := png.Encoder{CompressionLevel: png.BestCompression}
	if err := encoder.Encode(&encoded, part); err != nil {
		t.Fatal(err)
	}
	return encoded.Bytes()
}
