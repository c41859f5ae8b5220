# SPDX-License-Identifier: Apache-2.0
# docs/reference.md is made from the tables; tools/docs.sh fails when it is not current.
#   make docs
docs:
	$(PYTHON) tools/reference.py -o docs/reference.md
