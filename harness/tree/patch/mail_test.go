package patch

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestMailsFromOutside reads patches as people post them, see testdata: the same
// kinds as TestRead, with what is told beside them.
func TestMailsFromOutside(t *testing.T) {
	second := strings.ReplaceAll(change, "if X86", "if ARM")
	third := strings.ReplaceAll(change, "if X86", "if S390")
	body := "Because it is so.\n"
	footer := "\n_______________________________________________\nlinux-um mailing list\nlinux-um@lists.example.org\n" +
		"http://lists.example.org/mailman/listinfo/linux-um?a=1\n"
	head := func(subject, kind string) string {
		return "From: umlab test <umlab@localhost>\nSubject: " + subject + "\nContent-Type: " + kind + "\n"
	}
	flowed := strings.ReplaceAll(strings.ReplaceAll(change, "\n ", "\n  "), "config UML\n", "config \nUML\n")
	file := func(name string) string {
		text, err := os.ReadFile("testdata/" + name)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	for _, tc := range []struct {
		name, text string
		subjects   []string
		data       []string // of each patch; nil where it is not looked at
		notes      []string // a part of each
	}{
		{"base64 with a footer", mailHead("base64") + encoded(t, "base64", body+"---\n"+change) + footer, []string{"um: change it"}, []string{change}, nil},
		{"base64 of full groups with a footer", mailHead("base64") + encoded(t, "base64", strings.Repeat(" ", (3-len(change)%3)%3)+"\n\n\n"+change) + "\nlinux\nhttp\n",
			[]string{"um: change it"}, []string{change}, nil},
		{"quoted-printable with a footer", mailHead("quoted-printable") + encoded(t, "quoted-printable", body+"---\n"+change) + footer, []string{"um: change it"}, []string{change}, nil},
		{"alternatives", head("[PATCH] a", "multipart/alternative; boundary=xx") + "\n--xx\nContent-Type: text/plain\n\n" + body + change +
			"\n--xx\nContent-Type: text/x-patch\n\n" + change + "\n--xx\nContent-Type: text/html\n\n<p>" + change + "\n--xx--\n", []string{"a"}, []string{change}, nil},
		{"a forwarded mail", head("[PATCH] a", "multipart/mixed; boundary=xx") + "\n--xx\nContent-Type: text/plain\n\nLook.\n--xx\nContent-Type: message/rfc822\n\n" +
			mailHead("base64") + encoded(t, "base64", change) + "\n--xx--\n" + footer, []string{"a"}, []string{change}, nil},
		{"flowed", head("[PATCH] a", "text/plain; format=flowed") + "\n" + body + "---\n" + flowed + "-- \n2.47\n", []string{"a"}, nil, nil},
		{"said to be flowed", head("[PATCH] a", `text/plain; charset="utf-8"; format="flowed"`) + "\n" + body + "---\n" + change + "-- \n2.47\n", []string{"a"}, []string{change}, nil},
		{"mboxrd", "From mboxrd@z Thu Jan  1 00:00:00 1970\n" + head("[PATCH] a", "text/plain") + "\n>From here on.\n>>From quoted.\n---\n" + change, []string{"a"}, []string{change}, nil},
		{"scissors", mailOf("[PATCH] a", "Hello,\n\nhow about this?\n\n-- >8 --\nSubject: um: b\n\n"+body, change), []string{"um: b"}, []string{change}, nil},
		{"tags", mailOf("[RFC PATCH v3 2/2] um: two", body, second) + mailOf("[RFC PATCHv3 1/2] um: one", body, change), []string{"um: one", "um: two"}, nil, nil},
		{"a tree's name", mailOf("[PATCH net-next v2] um: one", body, change), []string{"um: one"}, nil, nil},
		{"two versions", mailOf("[PATCH 1/2] um: one", body, change) + mailOf("[PATCH 2/2] um: two", body, second) + mailOf("[PATCH v2 0/1] both", body, "") +
			mailOf("[PATCH v2 1/1] um: both", body, third), []string{"um: both"}, []string{third}, []string{"v2 is the newest version and is taken; left aside: patch 1/2, patch 2/2"}},
		{"two versions that do not count", mailOf("[PATCH v3] um: one", body, second) + mailOf("[PATCH v2] um: one", body, change), []string{"um: one"}, []string{second},
			[]string{"v3 is the newest version and is taken; left aside: patch v2"}},
		{"sent again, otherwise", mailOf("[PATCH] um: one", body, change) + mailOf("[PATCH RESEND] um: one", body, second), []string{"um: one"}, []string{second},
			[]string{"v1 (RESEND) is the newest version"}},
		{"sent again", mailOf("[PATCH 1/2] um: one", body, change) + mailOf("[PATCH 2/2] um: two", body, second) + mailOf("[PATCH RESEND 2/2] um: two", body, second),
			[]string{"um: one", "um: two"}, nil, nil},
		{"answers", mailOf("[PATCH] um: one", body, change) + mailOf("Re: [PATCH] um: one", "Rather so:\n\n", second) +
			mailOf("Re: [PATCH] um: one", "On Monday X wrote:\n> "+strings.ReplaceAll(change, "\n", "\n> ")+"\nNo.\n", ""), []string{"um: one"}, []string{change},
			[]string{`left aside: the diff in the answer "um: one" (x.patch, mail 2)`, "one mail quotes a diff: what an answer quotes is not applied"}},
		{"an answer alone", mailOf("Re: [PATCH] um: one", "Rather so:\n\n", second), []string{"um: one"}, []string{second}, []string{"the patch stands in an answer (Re:)"}},
		{"p02c", file("p02c-base64-footer.patch"), []string{"um: rust: no position-independent code", "um: rust: addresses of 64 bits"}, nil, nil},
		{"p08", file("p08-tag-stable-211.mbox"), []string{"um: rust: no position-independent code"}, nil, nil},
		{"p13f", file("p13f-u0.patch"), []string{""}, nil, []string{"have no context (diff -U0)"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := Read("x.patch", []byte(tc.text))
			if err != nil {
				t.Fatal(err)
			}
			var subjects, data, notes []string
			for _, p := range got {
				subjects, data, notes = append(subjects, p.Subject), append(data, string(p.Data)), append(notes, p.Notes...)
			}
			if d := cmp.Diff(tc.subjects, subjects); d != "" {
				t.Error(d)
			}
			if d := cmp.Diff(tc.data, data); d != "" && tc.data != nil {
				t.Error(d)
			}
			if len(notes) != len(tc.notes) {
				t.Fatalf("notes %q, want %q", notes, tc.notes)
			}
			for i, n := range tc.notes {
				if !strings.Contains(notes[i], n) {
					t.Errorf("note %q, want %q", notes[i], n)
				}
			}
		})
	}
}

// TestScissorsLeaveTheMessage: what stands above them is not the commit's message.
func TestScissorsLeaveTheMessage(t *testing.T) {
	got, err := Read("x", []byte(mailOf("[PATCH] a", "Hello,\n\n8< not yet\n\n--- 8< ------ cut here ---\nSubject: um: b\n\nWhy.\n", change)))
	if err != nil {
		t.Fatal(err)
	}
	if got[0].Subject != "um: b" || got[0].Message != "Why." {
		t.Errorf("%q, %q", got[0].Subject, got[0].Message)
	}
}

// TestMailWhole: what checkpatch.pl gets is the mail as it stands, decoded where it must be, with its header and
// its sign-off, so that line numbers are those of the mail.
func TestMailWhole(t *testing.T) {
	body := "Because it is so.\n\nSigned-off-by: umlab test <umlab@localhost>\n---\n"
	plain := mailOf("[PATCH] um: one", body, change)
	for _, tc := range []struct {
		name, text string
		want       []string
	}{
		{"a mail", plain, []string{plain}},
		{"a diff", change, []string{change}},
		{"a diff below a text", "Look:\n\n" + change, []string{"Look:\n\n" + change}},
		{"a series", mailOf("[PATCH 1/2] a", body, change) + mailOf("[PATCH 2/2] b", "", change),
			[]string{mailOf("[PATCH 1/2] a", body, change), mailOf("[PATCH 2/2] b", "", change)}},
		{"base64", mailHead("base64") + encoded(t, "base64", body+change), []string{mailHead("base64") + body + change}},
		{"quoted-printable", mailHead("quoted-printable") + encoded(t, "quoted-printable", body+change), []string{mailHead("quoted-printable") + body + change}},
	} {
		patches, err := Read("x.patch", []byte(tc.text))
		if err != nil {
			t.Errorf("%s: %v", tc.name, err)
			continue
		}
		var got []string
		for i := range tc.want {
			tc.want[i] = strings.TrimRight(tc.want[i], "\n") // how a mail ends is no matter
		}
		for _, p := range patches {
			got = append(got, strings.TrimRight(string(p.Mail), "\n"))
		}
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tc.name, diff)
		}
	}
}
