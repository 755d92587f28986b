package wheeltest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestPlatformIsWhatAuditwheelFinds has auditwheel, which knows the policies of PEP 600,
// say on which systems the wheel's programs can run.
func TestPlatformIsWhatAuditwheelFinds(t *testing.T) {
	output, err := exec.Command(os.Getenv("MRMD_TEST_AUDITWHEEL"), "show", wheelPath).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	parts := strings.Split(strings.TrimSuffix(filepath.Base(wheelPath), ".whl"), "-")
	platform := parts[len(parts)-1]
	said := strings.Join(strings.Fields(string(output)), " ")
	// The second is what it says of programs that need more than the policies allow.
	if !strings.Contains(said, `platform tag to "`+platform+`"`) && !strings.Contains(said, `platform tag: "`+platform+`"`) {
		t.Errorf("the wheel is for %s; auditwheel says\n%s", platform, output)
	}
}
