"""``python -m experiments`` in book/ is what ``make data`` does."""

from experiments import main

raise SystemExit(main())
