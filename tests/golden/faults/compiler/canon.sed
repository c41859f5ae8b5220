# The canonical form of "unless" is "on".
s/put(c, unless ? S("unless ") : S("on "));/put(c, unless ? S("on ") : S("on "));/
