" Vim syntax of Weir sites. Made by tools/editors.py from the tables of the language: do not edit.
if exists("b:current_syntax")
  finish
endif
syn case match
syn iskeyword @,48-57,_,-,.

syn match weirRule /^\s*\zs\(req\|rsp\|resp\|conn\|sess\|acl\|param\|assert\|include\|weir\)\>.*/ contains=@weirParts
syn cluster weirParts contains=weirStart,weirAction,weirLogic,weirSubject,weirConverter,weirOperator,weirString,weirNumber,weirComment,weirOld
syn match weirHeader /^\s*\zs\(global\|profile\|listen\|frontend\|reqrules\|backend\|rsprules\|checkpoint\|set\|map\|test\)\>/
syn match weirOption /^\s*\zsbalance\ze\(\s\|$\)/
syn match weirOption /^\s*\zsbind\ze\(\s\|$\)/
syn match weirOption /^\s*\zscheck\ze\(\s\|$\)/
syn match weirOption /^\s*\zschroot\ze\(\s\|$\)/
syn match weirOption /^\s*\zsconcurrency\ze\(\s\|$\)/
syn match weirOption /^\s*\zscontrol\ze\(\s\|$\)/
syn match weirOption /^\s*\zscookie\ze\(\s\|$\)/
syn match weirOption /^\s*\zscpu-map\ze\(\s\|$\)/
syn match weirOption /^\s*\zsdefault_backend\ze\(\s\|$\)/
syn match weirOption /^\s*\zsdelay\ze\(\s\|$\)/
syn match weirOption /^\s*\zsdispatch\ze\(\s\|$\)/
syn match weirOption /^\s*\zsdrain\ze\(\s\|$\)/
syn match weirOption /^\s*\zserror\ze\(\s\|$\)/
syn match weirOption /^\s*\zsforwardfor\ze\(\s\|$\)/
syn match weirOption /^\s*\zsgroup\ze\(\s\|$\)/
syn match weirOption /^\s*\zskey\ze\(\s\|$\)/
syn match weirOption /^\s*\zslog\ze\(\s\|$\)/
syn match weirOption /^\s*\zsmaxconn\ze\(\s\|$\)/
syn match weirOption /^\s*\zsmode\ze\(\s\|$\)/
syn match weirOption /^\s*\zsmonitor-net\ze\(\s\|$\)/
syn match weirOption /^\s*\zson-limit\ze\(\s\|$\)/
syn match weirOption /^\s*\zspoller\ze\(\s\|$\)/
syn match weirOption /^\s*\zspool\ze\(\s\|$\)/
syn match weirOption /^\s*\zspreread\ze\(\s\|$\)/
syn match weirOption /^\s*\zsproxy\ze\(\s\|$\)/
syn match weirOption /^\s*\zsqueue\ze\(\s\|$\)/
syn match weirOption /^\s*\zsrate\ze\(\s\|$\)/
syn match weirOption /^\s*\zsrate-min\ze\(\s\|$\)/
syn match weirOption /^\s*\zsredispatch\ze\(\s\|$\)/
syn match weirOption /^\s*\zsretries\ze\(\s\|$\)/
syn match weirOption /^\s*\zsreuse\ze\(\s\|$\)/
syn match weirOption /^\s*\zsserver\ze\(\s\|$\)/
syn match weirOption /^\s*\zssource\ze\(\s\|$\)/
syn match weirOption /^\s*\zstable\ze\(\s\|$\)/
syn match weirOption /^\s*\zsthread-groups\ze\(\s\|$\)/
syn match weirOption /^\s*\zsthreads\ze\(\s\|$\)/
syn match weirOption /^\s*\zstransparent\ze\(\s\|$\)/
syn match weirOption /^\s*\zstrusted\ze\(\s\|$\)/
syn match weirOption /^\s*\zsuse_backend_from\ze\(\s\|$\)/
syn match weirOption /^\s*\zsuse_filters_from\ze\(\s\|$\)/
syn match weirOption /^\s*\zsuse_profile\ze\(\s\|$\)/
syn match weirOption /^\s*\zsuser\ze\(\s\|$\)/
syn match weirOption /^\s*\zswindow\ze\(\s\|$\)/
syn match weirOption /^\s*\zsforward\s\+raw\ze\(\s\|$\)/
syn match weirOption /^\s*\zslimit\s\+buffers\ze\(\s\|$\)/
syn match weirOption /^\s*\zslimit\s\+head\ze\(\s\|$\)/
syn match weirOption /^\s*\zslimit\s\+headers\ze\(\s\|$\)/
syn match weirOption /^\s*\zslimit\s\+uri\ze\(\s\|$\)/
syn match weirOption /^\s*\zstimeout\s\+body\ze\(\s\|$\)/
syn match weirOption /^\s*\zstimeout\s\+check\ze\(\s\|$\)/
syn match weirOption /^\s*\zstimeout\s\+client\ze\(\s\|$\)/
syn match weirOption /^\s*\zstimeout\s\+client-fin\ze\(\s\|$\)/
syn match weirOption /^\s*\zstimeout\s\+connect\ze\(\s\|$\)/
syn match weirOption /^\s*\zstimeout\s\+connection\ze\(\s\|$\)/
syn match weirOption /^\s*\zstimeout\s\+head\ze\(\s\|$\)/
syn match weirOption /^\s*\zstimeout\s\+keep-alive\ze\(\s\|$\)/
syn match weirOption /^\s*\zstimeout\s\+queue\ze\(\s\|$\)/
syn match weirOption /^\s*\zstimeout\s\+server\ze\(\s\|$\)/
syn match weirOption /^\s*\zstimeout\s\+tunnel\ze\(\s\|$\)/
syn keyword weirStart contained acl assert conn include param req resp rsp sess weir
syn keyword weirAction contained add allow append auth capture count delete deny drop log maploc mapuri
syn keyword weirAction contained pass permit redir rem rep reqline respond rewrite set setbe setdst
syn keyword weirAction contained setsrc setvar stsline switch tarpit uriremap
syn keyword weirLogic contained all always as default dynamic file if in never not on out override
syn keyword weirLogic contained then unless
syn keyword weirOld contained rebase remap_uri replace reqadd reqdel reqidel reqisetbe set_host
syn match weirSubject /\c\<\(req\.\)\?\(dst_port\|src_port\|capture\|version\|queued\|random\|scheme\|status\|conns\|count\|hello\|nbsrv\|query\|alpn\|cert\|conc\|date\|host\|line\|made\|meth\|path\|qlen\|rate\|dst\|len\|sni\|src\|tls\|uri\|var\|c\|h\|q\)\>/ contained
syn match weirConverter /|\s*\(base64\|field\|hash\|json\|list\|lower\|map\|mask\|nosemi\|sub\|upper\|urldec\)\>/ contained
syn match weirOperator /\(\s\)\@<=\([=!][=~*^%\/.]\|[<>]=\?\)\ze\(\s\|$\)/
syn match weirNumber /\<\d\+\(us\|ms\|[smhdkg]\)\?\>/
syn region weirString start=/"/ skip=/\\./ end=/"[icxb]*/ oneline contains=weirComputed,weirBackref
syn region weirString start=/'/ skip=/\\./ end=/'[icxb]*/ oneline contains=weirComputed,weirBackref
syn match weirComputed /[$%]{[^}]*}/ containedin=weirRule
syn match weirBackref /\\[0-9]/ contained
syn match weirComment /\(^\|\s\)\zs#.*/ contains=@Spell

hi def link weirHeader Structure
hi def link weirOption Identifier
hi def link weirStart Statement
hi def link weirAction Function
hi def link weirLogic Conditional
hi def link weirOld Todo
hi def link weirSubject Type
hi def link weirConverter Function
hi def link weirOperator Operator
hi def link weirNumber Number
hi def link weirString String
hi def link weirComputed Special
hi def link weirBackref Special
hi def link weirComment Comment

let b:current_syntax = "weir"
