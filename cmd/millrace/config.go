package main

import (
	"fmt"
)

// configCommands are about the configuration.
type configCommands struct {
	Check configCheckCommand `cmd:"" help:"Check the configuration and say what is wrong with it."`
	Print configPrintCommand `cmd:"" help:"Print the effective configuration as YAML, with where each setting was set."`
}

// configCheckCommand loads and checks.
type configCheckCommand struct {
	settingFlags
}

// Run says so when all is well.
func (c *configCheckCommand) Run(std streams) error {
	loaded, err := c.load()
	if err != nil {
		return err
	}
	for _, name := range loaded.Unknown {
		if _, err := fmt.Fprintf(std.err, "millrace: variable %s names no setting\n", name); err != nil {
			return err
		}
	}
	_, err = fmt.Fprintln(std.out, "the configuration is valid")
	return err
}

// configPrintCommand prints.
type configPrintCommand struct {
	settingFlags
}

// Run prints what serve would run with.
func (c *configPrintCommand) Run(std streams) error {
	loaded, err := c.load()
	if err != nil {
		return err
	}
	return loaded.Print(std.out)
}
