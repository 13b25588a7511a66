"""The decisions of IHE Scheduled Workflow."""
