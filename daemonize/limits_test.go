package daemonize

import (
	"fmt"
	"os/exec"
	"testing"
)

// playLimited prints the limit of open files as it is, as RestoreFileLimit leaves it,
// and as a child then finds it.
func playLimited() error {
	found, err := findFacts()
	if err != nil {
		return err
	}
	child, err := exec.Command("sh", "-c", "ulimit -Sn").Output()
	if err != nil {
		return err
	}
	fmt.Printf("%d %s", found.Limit, child)
	return nil
}

func TestRestoreFileLimitInTheForeground(t *testing.T) {
	for _, limit := range []string{"256", "900"} {
		p := newPart(t, "limited")
		p.cmd.Path = "/bin/sh"
		p.cmd.Args = []string{"sh", "-c", "ulimit -Sn " + limit + `; ulimit -Hn 900; exec "$0"`, testBinary(t)}
		printed, err := p.cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		if want := limit + " " + limit + "\n"; string(printed) != want {
			t.Errorf("started with a limit of %s: %q, want %q", limit, printed, want)
		}
	}
}
