"""Reports for people: HTML pages, label audits, model cards, the terminal."""
