# SPDX-License-Identifier: Apache-2.0
# docs/reference.md and the colours of editors are made from the tables; tools/docs.sh fails when it is not current.
#   make docs
docs:
	$(PYTHON) tools/reference.py -o docs/reference.md
	$(PYTHON) tools/editors.py
