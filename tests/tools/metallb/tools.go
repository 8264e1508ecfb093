//go:build tools

// Package tools names the programs that tests/tool builds, so that go.mod and go.sum hold all that they need.
package tools

import (
	_ "go.universe.tf/metallb/controller"
	_ "go.universe.tf/metallb/speaker"
)
