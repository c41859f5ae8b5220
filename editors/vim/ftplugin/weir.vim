" Made by tools/editors.py: do not edit.
setlocal commentstring=#\ %s expandtab shiftwidth=4 softtabstop=4
setlocal formatprg=weir\ fmt\ -
