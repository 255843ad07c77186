"""``campaign doctor``."""

import sys

import click

from campaign.cli.common import Campaign, pass_campaign
from campaign.clock import SYSTEM_CLOCK
from campaign.operations.doctor.address import address_findings
from campaign.operations.doctor.examine import examine


@click.command()
@pass_campaign
def doctor(campaign: Campaign) -> None:
    """List what is misconfigured or needs attention soon; end with status 1 if it is serious."""
    campaign.only_reads = campaign.composes = True  # a letter that cannot be composed is found too
    findings = examine(campaign.settings, campaign.appeal, campaign.database, now=SYSTEM_CLOCK())
    findings += address_findings(campaign.settings)
    for finding in findings:
        click.echo(f"{'!' if finding.is_serious else '-'} {finding.text}")
    if any(finding.is_serious for finding in findings):
        sys.exit(1)
    click.echo("Nothing serious found.")
