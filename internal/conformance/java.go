package main

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
)

// javaSuite builds the suite of the AWS SDK for Java once, in dir, so that nothing is left in the source.
func javaSuite(ctx context.Context, o *options, dir string) (suiteCommand, error) {
	if _, err := exec.LookPath("mvn"); err != nil {
		return suiteCommand{}, fmt.Errorf("maven is needed (Debian: apt-get install maven default-jdk-headless): %w", err)
	}
	source := filepath.Join(o.root, "internal", "conformance", "java")
	target := filepath.Join(dir, "target")
	maven := []string{"mvn", "--batch-mode", "--quiet", "--no-transfer-progress", "-Dstyle.color=never", "-Dmillrace.target=" + target}
	if err := tried(ctx, source, append(maven, "test-compile")...); err != nil {
		return suiteCommand{}, err
	}
	return suiteCommand{argv: append(maven, "surefire:test"), dir: source}, nil
}
