# The first literal of a rule that is in the way is never falsified.
/^static enum answer branch_on_blocker/,/^}/s/uint32_t i = 0;/uint32_t i = 1;/
