"""The window: what the player sees and touches. `window.run_window` opens it, `stage.StageOutput` feeds it."""
