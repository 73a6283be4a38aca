package manifest

import (
	"container/list"
	"sync"
)

// lru keeps values by key up to a total weight; the least used go first. Safe for concurrent use.
type lru[K comparable, V any] struct {
	most int // total weight

	mu    sync.Mutex
	total int
	order *list.List // of *kept, the last used in front
	byKey map[K]*list.Element
}

type kept[K comparable, V any] struct {
	key    K
	value  V
	weight int
}

func newLRU[K comparable, V any](most int) *lru[K, V] {
	return &lru[K, V]{most: most, order: list.New(), byKey: map[K]*list.Element{}}
}

func (l *lru[K, V]) find(key K) (value V, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e, ok := l.byKey[key]
	if !ok {
		return value, false
	}
	l.order.MoveToFront(e)
	return e.Value.(*kept[K, V]).value, true
}

// put keeps a value unless the key has one already, and returns the one that is kept. What is heavier than all that may
// be kept is not.
func (l *lru[K, V]) put(key K, value V, weight int) V {
	l.mu.Lock()
	defer l.mu.Unlock()
	if e, ok := l.byKey[key]; ok {
		l.order.MoveToFront(e)
		return e.Value.(*kept[K, V]).value
	}
	if weight > l.most {
		return value
	}
	l.byKey[key] = l.order.PushFront(&kept[K, V]{key, value, weight})
	for l.total += weight; l.total > l.most; {
		l.remove(l.order.Back())
	}
	return value
}

func (l *lru[K, V]) drop(key K) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if e, ok := l.byKey[key]; ok {
		l.remove(e)
	}
}

func (l *lru[K, V]) remove(e *list.Element) {
	k := e.Value.(*kept[K, V])
	l.order.Remove(e)
	delete(l.byKey, k.key)
	l.total -= k.weight
}

// each calls visit for what is kept, the last used first, until it returns false.
func (l *lru[K, V]) each(visit func(K, V) bool) {
	l.mu.Lock()
	values := make([]kept[K, V], 0, len(l.byKey))
	for e := l.order.Front(); e != nil; e = e.Next() {
		values = append(values, *e.Value.(*kept[K, V]))
	}
	l.mu.Unlock()
	for _, k := range values {
		if !visit(k.key, k.value) {
			return
		}
	}
}
