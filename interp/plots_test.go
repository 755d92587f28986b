package interp

import "testing"

func TestFiguresAreShownOnce(t *testing.T) {
	for _, step := range []struct {
		code   string
		images int
	}{
		{"from matplotlib.figure import Figure\nfigure = Figure(); figure.add_subplot().plot([1, 2])\nfigure", 1},
		{"import matplotlib.pyplot as plt\nplt.plot([1, 2, 3]); plt.show()", 1},
		{"plt.figure(); plt.plot([1]); plt.figure(); plt.plot([2]); plt.show()", 2},
		{"plt.plot([1]);", 1},
		{"figure, axes = plt.subplots()\nfigure", 1},
		{"import matplotlib.pyplot", 0},
	} {
		_, shown := mustRun(t, step.code)
		if len(shown.displays) != step.images {
			t.Errorf("%q showed %d displays, want %d", step.code, len(shown.displays), step.images)
		}
		for _, display := range shown.displays {
			if _, found := display.Data["image/png"]; !found {
				t.Errorf("%q showed no PNG: %s", step.code, mimeTypes(display))
			}
		}
	}
}
