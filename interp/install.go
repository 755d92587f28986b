package interp

import (
	"fmt"
	"os/exec"
	"strings"
)

// installCommand is the command line that installs IPython for an interpreter:
// with uv where there is one, as it also serves venvs that have no pip.
func installCommand(executable string) []string {
	if uv, err := exec.LookPath("uv"); err == nil {
		return []string{uv, "pip", "install", "--python", executable, "ipython"}
	}
	return []string{executable, "-m", "pip", "install", "ipython"}
}

func installIPython(executable string) error {
	command := installCommand(executable)
	output, err := exec.Command(command[0], command[1:]...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("installing IPython with %s: %w\n%s", strings.Join(command, " "), err, output)
	}
	return nil
}
