"""`pianogenie models`: what there is to play with, and how a model from elsewhere gets there."""

import json
from pathlib import Path

import click

from pianogenie.errors import UserError
from pianogenie.model import DEFAULT_MODEL, load_card, own_models, shipped_models


@click.group(invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="The cards as JSON.")
@click.pass_context
def models(context: click.Context, as_json: bool) -> None:
    """List the models that ship and your own, with their cards; or import one."""
    if context.invoked_subcommand is not None:
        return
    cards = []
    for folder in [*shipped_models(), *own_models()]:
        try:
            cards.append((folder, load_card(folder)))
        except UserError as error:
            click.echo(f"pianogenie: {error}", err=True)
    if as_json:
        click.echo(json.dumps([card for _, card in cards], indent=2))
        return
    for folder, card in cards:
        name = folder.name + ("  (the default)" if folder.name == DEFAULT_MODEL else "")
        click.echo(click.style(name, bold=True))
        for field, value in card.items():
            if field not in ("name", "format", "sha256"):
                click.echo(f"  {field.replace('_', ' ')}: {_flat(value)}")
        click.echo(f"  folder: {folder}\n")


@models.command("import")
@click.argument("source", type=click.Path(path_type=Path), metavar="SRC")
@click.option("--out", required=True, type=click.Path(path_type=Path), metavar="DIR", help="The model folder to make.")
@click.option("--name", help="The model's name.  [default: the folder's]")
@click.option("--force", is_flag=True, help="Overwrite a model folder.")
def import_(source: Path, out: Path, name: str | None, force: bool) -> None:
    """Make a model folder from a public Piano Genie checkpoint.

    SRC is a folder with Magenta's TensorFlow.js weights (weights_manifest.json and its shard) or with the first
    author's PyTorch model (model.pt and cfg.json), or that file itself.
    """
    from pianogenie.cli.extras import need_train_extra

    need_train_extra("importing a model", ("onnx",))
    from pianogenie_train.importing.folder import find, import_model

    if find(source).kind == "tutorial":
        need_train_extra("reading PyTorch's weights", ("torch",))
    card = import_model(source, out, name=name, force=force)
    encoder = "" if card["encoder"] else ", no encoder (only the decoder was published)"
    click.echo(f"{out}: {card['name']}, {card['num_buttons']} buttons{encoder}; weights: {card['licence']}")
    if "example" in card:
        example = card["example"]
        click.echo(f"its logits are within {example['difference']:.1e} of those in {example['name']}")
    click.echo(f"play it: pianogenie play --model {click.format_filename(out)}")


def _flat(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{k} {_flat(v)}" for k, v in value.items())
    if isinstance(value, list):
        return "; ".join(_flat(v) for v in value)
    return f"{value:.4g}" if isinstance(value, float) else str(value)
