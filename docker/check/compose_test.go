package check

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
)

// compose loads the compose file as compose itself does, with the services of a profile.
func compose(t *testing.T, profile string) *types.Project {
	t.Helper()
	options, err := cli.NewProjectOptions([]string{repository("docker", "compose.yaml")}, cli.WithName("check"), cli.WithProfiles([]string{profile}))
	if err != nil {
		t.Fatal(err)
	}
	project, err := options.LoadProject(context.Background())
	if err != nil {
		t.Fatalf("load docker/compose.yaml with profile %s: %v", profile, err)
	}
	return project
}

// profiles are the uses that the compose file is for.
var profiles = []string{"local", "sidecar", "bench"}

func TestComposeHasThreeUses(t *testing.T) {
	if all := compose(t, "*").Services; len(all) == 0 {
		t.Fatal("no services")
	} else {
		for name, s := range all {
			if len(s.Profiles) != 1 || !slices.Contains(profiles, s.Profiles[0]) {
				t.Errorf("service %s is of profiles %q, want one of %q", name, s.Profiles, profiles)
			}
		}
	}
	for _, profile := range profiles {
		if len(compose(t, profile).Services) == 0 {
			t.Errorf("profile %s has no services", profile)
		}
	}
	if n := len(compose(t, "").Services); n != 0 {
		t.Errorf("without a profile %d services are started, want none", n)
	}
}

func TestComposePublishesToThisMachineOnly(t *testing.T) {
	for name, s := range compose(t, "*").Services {
		for _, p := range s.Ports {
			if p.HostIP != "127.0.0.1" {
				t.Errorf("service %s publishes %s on %q, want 127.0.0.1", name, p.Published, p.HostIP)
			}
		}
	}
}

func TestComposeMountsFilesThatExist(t *testing.T) {
	for name, s := range compose(t, "*").Services {
		for _, v := range s.Volumes {
			if v.Type != types.VolumeTypeBind {
				continue
			}
			if found, err := filepath.Glob(v.Source); err != nil || len(found) != 1 {
				t.Errorf("service %s mounts %s, which is not there", name, v.Source)
			}
		}
	}
}

func TestComposeRunsMillraceWithoutRights(t *testing.T) {
	seen := 0
	for name, s := range compose(t, "*").Services {
		if !strings.HasPrefix(s.Image, "millrace") {
			continue
		}
		seen++
		if !s.ReadOnly || !slices.Equal(s.CapDrop, []string{"ALL"}) || !slices.Equal(s.SecurityOpt, []string{"no-new-privileges:true"}) {
			t.Errorf("service %s has rights that it does not need", name)
		}
		if s.Command[0] != "serve" {
			continue
		}
		env := map[string]string{}
		for k, v := range s.Environment {
			if v != nil {
				env[k] = *v
			}
		}
		checkSettings(t, "service "+name, s.Command, env)
		// Only a database for development, or in DynamoDB's place, has a data port that others reach.
		if open := env["MILLRACE_INSECURE_BIND"] != ""; open != (name == "millrace" || name == "upstream") {
			t.Errorf("service %s: insecure_bind is set: %v", name, open)
		}
	}
	if seen == 0 {
		t.Error("no service runs millrace")
	}
}
