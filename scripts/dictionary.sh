#!/bin/sh
# Makes redact/dictionary.txt of a list of English words, one a line, as Debian's package wamerican-small has it:
#
#	scripts/dictionary.sh /usr/share/dict/american-english-small >redact/dictionary.txt
#
# Left out are names, words of less than three or more than twenty letters, and words that are another one with an ending
# that redact/dictionary.go knows.
set -eu
[ $# -eq 1 ] || { sed -n '2,7s/^# \{0,1\}//p' "$0" >&2; exit 2; }

sed 's/^/# /; s/ $//' <<'EOF'
English words that a secret is not told by: data, made by scripts/dictionary.sh. Words that are another one with a regular ending are left out.
Source: SCOWL (Spell Checker Oriented Word Lists), http://wordlist.sourceforge.net, size 35, as in Debian's wamerican-small 2020.12.07-2.

Copyright 2000-2011 by Kevin Atkinson

Permission to use, copy, modify, distribute and sell these word lists, the associated scripts, the output created from
the scripts, and its documentation for any purpose is hereby granted without fee, provided that the above copyright
notice appears in all copies and that both that copyright notice and this permission notice appear in supporting
documentation. Kevin Atkinson makes no representations about the suitability of this array for any purpose. It is
provided "as is" without express or implied warranty.

The inflections were made with the WordNet database:

WordNet 1.6 Copyright 1997 by Princeton University. All rights reserved.

This software and database is being provided to you, the LICENSEE, by Princeton University under the following license.
By obtaining, using and/or copying this software and database, you agree that you have read, understood, and will comply
with these terms and conditions: Permission to use, copy, modify and distribute this software and database and its
documentation for any purpose and without fee or royalty is hereby granted, provided that you agree to comply with the
following copyright notice and statements, including the disclaimer, and that the same appear on ALL copies of the
software, database and documentation, including modifications that you make for internal use or for distribution.

THIS SOFTWARE AND DATABASE IS PROVIDED "AS IS" AND PRINCETON UNIVERSITY MAKES NO REPRESENTATIONS OR WARRANTIES, EXPRESS OR
IMPLIED. BY WAY OF EXAMPLE, BUT NOT LIMITATION, PRINCETON UNIVERSITY MAKES NO REPRESENTATIONS OR WARRANTIES OF
MERCHANTABILITY OR FITNESS FOR ANY PARTICULAR PURPOSE OR THAT THE USE OF THE LICENSED SOFTWARE, DATABASE OR DOCUMENTATION
WILL NOT INFRINGE ANY THIRD PARTY PATENTS, COPYRIGHTS, TRADEMARKS OR OTHER RIGHTS.

The name of Princeton University or Princeton may not be used in advertising or publicity pertaining to distribution of
the software and/or database. Title to copyright in this software, database and any associated documentation shall at all
times remain with Princeton University and LICENSEE agrees to preserve same.
EOF
LC_ALL=C grep -E '^[a-z]{3,20}$' "$1" | LC_ALL=C sort -u | LC_ALL=C awk '
	{ word[$0] = 1; list[NR] = $0 }
	# ends reports whether a word of three letters or more is left of w with another ending.
	function ends(w, ending, with,   n) {
		n = length(w) - length(ending)
		return n >= 3 && substr(w, n + 1) == ending && (substr(w, 1, n) with in word)
	}
	END {
		for (i = 1; i <= NR; i++) {
			w = list[i]
			if (!(ends(w, "s", "") || ends(w, "es", "") || ends(w, "ies", "y") || ends(w, "ed", "") || ends(w, "d", "") ||
				ends(w, "ied", "y") || ends(w, "ing", "") || ends(w, "ing", "e") || ends(w, "er", "") || ends(w, "r", "") ||
				ends(w, "ers", "") || ends(w, "rs", "") || ends(w, "ly", "")))
				print w
		}
	}'
