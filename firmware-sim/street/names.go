package street

import "math/rand/v2"

// Words that names are made of. Nobody and no place is meant.
func communities() []string {
	return []string{"云枫路", "河湾", "桂苑", "青石", "望江", "西门", "柳堤", "新桥", "松岗", "东园", "寨子坪"}
}

func firstWords() []string {
	return []string{"锦绣", "阳光", "翠湖", "金桂", "和平", "幸福", "梧桐", "春江", "紫荆", "银杏", "枫林", "海棠", "月亮湾", "紫藤", "丰泽", "兰亭", "学府", "滨河", "云顶", "杏林"}
}

func lastWords() []string {
	return []string{"花园", "小区", "家园", "苑", "公寓", "新村", "里", "大院", "华庭", "雅居"}
}

func surnames() []string {
	return []string{"王", "李", "张", "刘", "陈", "杨", "赵", "黄", "周", "吴", "徐", "孙", "胡", "朱", "高", "林", "何", "郭", "马", "罗", "梁", "宋", "郑", "谢", "韩", "唐", "冯", "于", "董", "萧"}
}

func given() []string {
	return []string{"敏", "强", "芳", "伟", "静", "磊", "洋", "艳", "勇", "娟", "涛", "明", "超", "霞", "平", "刚", "玲", "辉", "桂英", "建国", "志强", "秀兰", "海燕", "文博", "晓东", "雪梅"}
}

// pick draws one of the words.
func pick(r *rand.Rand, of []string) string { return of[r.IntN(len(of))] }

func person(r *rand.Rand) string { return pick(r, surnames()) + pick(r, given()) }
