package layout_test

import (
	"go/ast"
	"go/token"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// halfWidth is a mark of Latin script after Chinese: ，；：！？ belong there.
var halfWidth = regexp.MustCompile(`[\p{Han}）》”」%][,;:!?]\s?[\p{Han}（《“「%]|\p{Han}[,;:!?](\s|$)|[,;!?]\p{Han}`)

// notations are what somebody writes or reads in exactly that way; they are no sentences.
var notations = []string{"{zh: 燃气高报, en: ", "整数: {zh", "常规, 2 联合, 3 攻坚", "地址:端口", "用户名:密码", "操作员8位:密码8位", "键: 值", "寄存器的十六进制: 值", "原始整数: ", "[首, 末]", "[经度, 纬度]", "网关,设备,校准日期,到期日期,备注"}

// TestChineseSentencesHaveChineseMarks: a sentence that people read has the marks of its language.
func TestChineseSentencesHaveChineseMarks(t *testing.T) {
	read := 0
	for _, f := range goFiles(t) {
		if f.test || under(filepath.ToSlash(f.path), "firmware-sim/e2e") {
			continue
		}
		ast.Inspect(f.tree, func(n ast.Node) bool {
			if _, tag := n.(*ast.Field); tag {
				return false // the words of an operation's documentation
			}
			literal, ok := n.(*ast.BasicLit)
			if !ok || literal.Kind != token.STRING {
				return true
			}
			text, err := strconv.Unquote(literal.Value)
			if err != nil {
				t.Fatalf("%s: %v", f.set.Position(literal.Pos()), err)
			}
			read++
			for _, n := range notations {
				text = strings.ReplaceAll(text, n, "")
			}
			if found := halfWidth.FindString(text); found != "" {
				t.Errorf("%s: %q in %q", f.set.Position(literal.Pos()), found, text)
			}
			return true
		})
	}
	if read < 5_000 {
		t.Errorf("only %d literals were read", read)
	}
}
