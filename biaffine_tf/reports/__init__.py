"""Reports: HTML pages, label audits, model cards, terminal output."""
