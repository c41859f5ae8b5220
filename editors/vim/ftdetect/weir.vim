" Made by tools/editors.py: do not edit.
au BufRead,BufNewFile *.weir setfiletype weir
